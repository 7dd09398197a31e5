import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrafficEvent } from '#shared/traffic';
import { failedLogin, newFolder, post } from '../integration/collector/webhook-support.ts';
import { isBuilt } from '../support/griffie-process.ts';
import { freePorts } from '../support/mail-servers/ports.ts';
import { HookProcess } from './webhook-process.ts';

/*
 * Promise 4 for webhooks: a delivery that was acknowledged is found, once, whenever the collector is killed.
 * Senders deliver again what was not acknowledged, as their like do; so what was stored and whose answer the
 * kill took comes twice, and must be found once as well.
 */

const rounds = Number(process.env.ROUNDS ?? 25);
const senders = 8;

let folder: string;
let port: number;
beforeAll(async () => {
  folder = await newFolder();
  [port = 0] = await freePorts(1);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Delivers until it is told to stop; each delivery is tried until it is acknowledged. */
class Sender {
  static next = 0;
  static repeated = 0;
  readonly acknowledged: number[] = [];
  stopping = false;
  readonly done: Promise<void>;

  constructor() {
    this.done = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.stopping) {
      const numbers = Array.from({ length: 1 + Math.floor(Math.random() * 4) }, () => Sender.next++);
      const body = numbers.map((number) => failedLogin(number)).join('\n');
      for (let attempt = 1; !(await accepted(body)); attempt++) {
        if (attempt === 1) Sender.repeated += numbers.length;
        await sleep(20);
      }
      this.acknowledged.push(...numbers);
    }
  }
}

const accepted = (body: string): Promise<boolean> =>
  post(port, body).then(
    ({ status }) => status === 204,
    () => false,
  );

describe.skipIf(!isBuilt)(
  `a collector with a webhook source killed ${rounds} times${isBuilt ? '' : ' (skipped: not built)'}`,
  () => {
    it('has each event whose delivery it acknowledged, once', async () => {
      const sending = Array.from({ length: senders }, () => new Sender());
      const count = () => sending.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
      for (let round = 0; round < rounds; round++) {
        const child = new HookProcess(folder, port);
        const before = count();
        // One in five is killed while it starts.
        const early = round % 5 === 4;
        const deadline = Date.now() + 60_000;
        while (!early && count() === before && Date.now() < deadline) await sleep(5);
        await sleep(Math.random() * (early ? 400 : 300));
        await child.kill();
      }
      const child = new HookProcess(folder, port);
      for (const sender of sending) sender.stopping = true;
      await Promise.all(sending.map(({ done }) => done));
      const acknowledged = sending.flatMap((sender) => sender.acknowledged);
      let events: TrafficEvent[] = [];
      for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(100)) {
        events = await child.events();
        const found = new Set(events.map(({ eventId }) => eventId)).size;
        if (found >= acknowledged.length && child.status?.lagBytes === 0) break;
      }
      await child.kill();

      expect(child.status).toMatchObject({ gapCount: 0, notUnderstood: {} });
      // At least once on the bus, and once by id: that is what a reader of the store sees.
      const idsOf = new Map<string, Set<string>>();
      for (const { eventId, sessionId = '' } of events) {
        idsOf.set(sessionId, (idsOf.get(sessionId) ?? new Set()).add(eventId));
      }
      const wrong = acknowledged.filter((number) => idsOf.get(`session${number}`)?.size !== 1);
      expect(wrong).toEqual([]);
      // Every sender ended with an acknowledgement, so that nothing else was ever sent.
      expect(idsOf.size).toBe(acknowledged.length);
      expect(Sender.repeated).toBeGreaterThan(rounds / 2);
      process.stdout.write(
        `killed ${rounds} times: ${acknowledged.length} lines acknowledged, all found once; ${Sender.repeated} were sent more than once\n`,
      );
    });
  },
);
