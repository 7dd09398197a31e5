import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  eventsOf,
  expectEachOnce,
  FaultLog,
  firstMessages,
  linesOf,
  startCluster,
  type TestCluster,
  untilFound,
} from '../support/cluster/index.ts';
import { describeWithLocalBroker } from '../support/kafka-describe.ts';
import { freePorts } from '../support/mail-servers/ports.ts';
import type { ServiceProcess } from '../support/service-process.ts';

/** Three absences make more than a minute. */
const awayMs = 21_000;
const messagesAtOnce = 40;
/** One batch of lines is read and held until it is acknowledged, and another may be on its way. */
const linesInHand = 2 * 4096;
/** What the collector may grow by while nothing is acknowledged. */
const flatBytes = 48 * 1024 * 1024;
const spoolBytes = 16 * 1024 * 1024;
/** Messages that come by webhook have numbers from here. */
const firstByWebhook = 10_000_000;
const messagesPerRequest = 500;
const secretText = 'known-to-the-mail-server-and-us';

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

describeWithLocalBroker('while the broker is away', () => {
  let cluster: TestCluster;
  let log: FaultLog;
  let collector: ServiceProcess;
  let webhook: string;
  const byWebhook: number[] = [];
  let nextByWebhook = firstByWebhook;

  beforeAll(async () => {
    cluster = await startCluster({ partitions: 3 });
    log = new FaultLog(join(cluster.folder, 'mail.log'), 10);
    await log.create();
    const secret = join(cluster.folder, 'secret');
    await writeFile(secret, `${secretText}\n`, { mode: 0o600 });
    const [port] = await freePorts(1);
    webhook = `http://127.0.0.1:${port}/v1/sources/hook/events`;
    collector = await cluster.startCollector([
      { kind: 'file', id: 'mx1', path: log.path, host: 'mx1.example.nl' },
      {
        kind: 'webhook',
        id: 'hook',
        host: 'mx2.example.nl',
        listen: `127.0.0.1:${port}`,
        secrets: [{ scheme: 'hmac', file: secret }],
        spoolBytes,
      },
    ]);
    await collector.ready();
    await cluster.startIngester(0).ready();
  });
  afterAll(() => cluster?.remove());

  /** Posts the lines of some messages; they count as sent where that is acknowledged. */
  async function post(): Promise<Response> {
    const numbers = Array.from({ length: messagesPerRequest }, (_, i) => nextByWebhook + i);
    const body = `${numbers.flatMap(linesOf).join('\n')}\n`;
    const signature = createHmac('sha256', secretText).update(body).digest('base64');
    const response = await fetch(webhook, {
      method: 'POST',
      body,
      headers: { 'content-type': 'text/plain', 'x-signature': signature },
    });
    await response.arrayBuffer();
    if (response.ok) {
      byWebhook.push(...numbers);
      nextByWebhook += messagesPerRequest;
    }
    return response;
  }

  const written = (): number[] => [...firstMessages(log.begun), ...byWebhook];
  const linesRead = () => collector.metric('griffie_collector_lines_total{source="mx1"}');
  const lag = () => collector.metric('griffie_collector_lag_bytes{source="mx1"}');

  describe.each([
    {
      how: 'killed',
      leave: () => cluster.broker.kill(),
      comeBack: () => cluster.broker.start(),
      fillsSpool: true,
    },
    {
      how: 'stopped',
      leave: () => cluster.broker.pause(),
      comeBack: () => cluster.broker.resume(),
      fillsSpool: false,
    },
    {
      how: 'cut off',
      leave: () => cluster.network.loseAnswers(),
      comeBack: () => cluster.network.pass(),
      fillsSpool: false,
    },
  ])('($how)', ({ leave, comeBack, fillsSpool }) => {
    it('nothing is read past what is acknowledged, memory stays flat, webhooks are spooled and then refused', async () => {
      for (let i = 0; i < 20; i++) {
        await log.write(messagesAtOnce);
        if (i % 5 === 0) expect((await post()).status).toBeLessThan(300);
      }
      await log.finish();
      await untilFound(cluster, eventsOf(written()));
      const before = { lines: await linesRead(), bytes: residentBytes(collector.child.pid ?? 0) };

      await leave();
      let most = 0;
      let refused: Response | undefined;
      const end = Date.now() + awayMs;
      while (Date.now() < end) {
        await log.write(messagesAtOnce);
        if (fillsSpool && refused === undefined) {
          const answer = await post();
          if (!answer.ok) refused = answer;
        }
        most = Math.max(most, residentBytes(collector.child.pid ?? 0));
        await sleep(100);
      }
      await log.finish();
      if (fillsSpool) {
        expect(refused?.status).toBe(503);
        expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
      } else expect((await post()).status).toBeLessThan(300);
      expect((await linesRead()) - before.lines).toBeLessThanOrEqual(linesInHand);
      await collector.ready(({ status, checks }) => status === 503 && checks.bus?.ok === false);
      expect(await lag()).toBeGreaterThan(0);
      expect(most - before.bytes).toBeLessThan(flatBytes);

      await comeBack();
      await untilFound(cluster, eventsOf(written()));
      await collector.ready();
      // What was refused may be sent again.
      expect((await post()).status).toBeLessThan(300);
      await untilFound(cluster, eventsOf(written()));
      const { rows, events } = await expectEachOnce(cluster, written());
      const megabytes = Math.round((most - before.bytes) / 1_048_576);
      process.stdout.write(
        `${events} events found once each, ${rows - events} rows besides; ${awayMs / 1000} s away, collector grew by ${megabytes} MiB\n`,
      );
    });
  });
});
