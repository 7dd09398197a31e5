import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDisclosureService } from '#services/disclosure';
import { createMasterKey } from '#shared/case-files';
import { Replay } from '#shared/control';
import { encodeEntry } from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';
import { silentLogger } from '#shared/runtime';
import type { TrafficStore } from '#shared/store';
import { testEvent } from '../../support/events.ts';
import { audience, type Person, startTestService, type TestService } from '../../support/test-service.ts';

describe('a disclosure while its package is made', () => {
  let t: TestService;
  let officer: Person;
  let orderId: string;
  /** Reading stops after the first records until it is let go. */
  let letGo: () => void;
  const storage = () => createMemoryStorage();

  beforeEach(async () => {
    t = await startTestService({ storage: storage() });
    officer = await t.enrol('officer');
    orderId = await t.approvedOrder();
    await t.store.insertEvents([testEvent(), testEvent()], { deduplicationToken: 'a' });
    hold();
  });
  afterEach(async () => {
    letGo();
    await t.stop();
  });

  function hold(): void {
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const { readReleased } = t.store;
    const held: TrafficStore['readReleased'] = (scope, options) => {
      const reading = readReleased(scope, options);
      return {
        ...reading,
        async *[Symbol.asyncIterator]() {
          for await (const lines of reading) {
            yield lines;
            await gate;
          }
        },
      };
    };
    Object.assign(t.store, { readReleased: held });
  }

  const request = async (): Promise<string> => {
    const answer = await officer.call('POST', '/v1/disclosures', { body: { orderId } });
    expect(answer.status).toBe(202);
    return answer.body.disclosureId;
  };
  const status = async (id: string): Promise<string> =>
    (await officer.call('GET', `/v1/disclosures/${id}`)).body.status;
  const cancel = (id: string, by = officer) => by.call('POST', `/v1/disclosures/${id}/cancellation`);
  const packages = (): Promise<string[]> => readdir(join(t.folder, 'packages'));
  const untilStaged = async (): Promise<void> => {
    for (let tries = 0; tries < 200 && (await packages()).length === 0; tries++) await sleep(20);
    expect(await packages()).toHaveLength(1);
  };
  const kinds = async (): Promise<string[]> => (await t.entries()).map(({ kind }) => kind);

  /** Replays the whole ledger with the service's own rules. */
  async function replayed() {
    const replay = new Replay();
    let index = 0;
    for await (const { entry } of t.ledger.entries()) await replay.take([encodeEntry(entry)], index++);
    return replay.report();
  }

  it('is followed by one request and one entry, in counts, until it can be fetched', async () => {
    const id = await request();
    await untilStaged();
    const before = (await kinds()).length;
    const following = officer.call('GET', `/v1/disclosures/${id}/progress`);
    await sleep(1200);
    letGo();
    const { status: code, headers, bytes } = await following;
    expect([code, headers['content-type']]).toEqual([200, 'application/x-ndjson']);
    const lines = bytes
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const underWay = lines.find(({ ready, records }) => !ready && records === 2);
    expect(underWay).toMatchObject({ status: 'AwaitingDisclosure' });
    expect(underWay.bytes).toBeGreaterThan(500);
    expect(lines.at(-1)).toMatchObject({ status: 'Disclosed', ready: true, records: 2 });
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) {
      expect(['bytes', 'ready', 'records', 'status']).toEqual(expect.arrayContaining(Object.keys(line)));
    }
    expect((await kinds()).slice(before).sort()).toEqual(['access.granted', 'disclosure.released']);
  });

  it('is followed by its officer and auditors alone', async () => {
    const id = await request();
    letGo();
    const path = `/v1/disclosures/${id}/progress`;
    expect((await (await t.enrol('officer')).call('GET', path)).body.code).toBe('disclosure.not_yours');
    expect((await (await t.enrol('registrar')).call('GET', path)).body.code).toBe('access.role');
    expect((await (await t.enrol('auditor')).call('GET', path)).status).toBe(200);
  });

  it('is cancelled by its officer, also while the store does not answer: on record, nothing leaves, a replay comes to the same', async () => {
    const id = await request();
    await untilStaged();
    const stranger = await t.enrol('officer');
    expect((await cancel(id, stranger)).body.code).toBe('disclosure.not_yours');
    expect((await cancel(id)).body.status).toBe('Cancelled');
    // Although the store does not answer.
    for (let tries = 0; tries < 200 && (await packages()).length > 0; tries++) await sleep(20);
    expect(await packages()).toEqual([]);
    expect(await status(id)).toBe('Cancelled');
    expect((await officer.call('GET', `/v1/disclosures/${id}/package`)).body.code).toBe(
      'disclosure.cancelled',
    );
    expect((await cancel(id)).body.code).toBe('disclosure.ended');
    const written = await kinds();
    expect(written.filter((kind) => kind === 'disclosure.cancelled')).toHaveLength(1);
    expect(written).not.toContain('disclosure.released');
    expect(written).not.toContain('disclosure.failed');
    const report = await replayed();
    expect(report.problems).toEqual([]);
    expect(report.entries).toBe(written.length);
  });

  it('that waits for its turn is cancelled, too, and those behind it are made', async () => {
    const [first, second, third] = [await request(), await request(), await request()];
    await untilStaged();
    expect((await cancel(second)).status).toBe(200);
    letGo();
    expect((await t.finished(officer, first)).body.ready).toBe(true);
    expect((await t.finished(officer, third)).body.ready).toBe(true);
    expect(await status(second)).toBe('Cancelled');
    expect((await packages()).filter((name) => name.endsWith('.sealed'))).toHaveLength(2);
  });

  it('cannot be cancelled once its package was announced', async () => {
    const id = await request();
    letGo();
    await t.finished(officer, id);
    expect((await cancel(id)).body.code).toBe('disclosure.ended');
    expect((await officer.call('GET', `/v1/disclosures/${id}/package`)).status).toBe(200);
    expect((await replayed()).problems).toEqual([]);
  });

  it('is interrupted by a stop that it would hold up, also while the store does not answer: on record, and made by the next start', async () => {
    const id = await request();
    await untilStaged();
    const closing = t.service.close();
    await sleep(4_000);
    expect(await kinds()).not.toContain('disclosure.interrupted');
    // Although the store does not answer: a stop would last as long as that.
    await closing;
    letGo();
    expect(await packages()).toEqual([]);
    expect((await t.entries()).at(-1)).toMatchObject({
      kind: 'disclosure.interrupted',
      details: { orderId, code: 'service.stopping' },
    });
    const next = await createDisclosureService({
      ledger: t.ledger,
      ledgerFiles: storage(),
      ledgerKey: t.ledgerKey,
      store: t.store,
      clock: t.clock,
      logger: silentLogger,
      manifestSigner: { kid: t.manifestKey.kid, privateKey: t.manifestKey.privateKey },
      caseMasterKey: createMasterKey(t.caseMasterKeys),
      caseFolder: join(t.folder, 'cases'),
      packageFolder: join(t.folder, 'packages'),
      operator: 'Example Mail',
      configuration: {
        software: '0',
        audience,
        retentionPeriod: 'P6M',
        manifestKey: { ...t.manifestKey.publicJwk },
      },
    });
    await next.start({ host: '127.0.0.1', port: 0 });
    for (let tries = 0; tries < 200 && !(await packages()).includes(`${id}.sealed`); tries++) await sleep(20);
    await next.close();
    expect(await packages()).toEqual([`${id}.sealed`]);
    expect((await kinds()).filter((kind) => kind === 'disclosure.released')).toHaveLength(1);
    expect((await replayed()).problems).toEqual([]);
  });
});
