import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Replay, type ReplayReport } from '#shared/control';
import { decodeEntry, encodeEntry, type LedgerEntry } from '#shared/ledger';
import { shippedRegimes } from '#shared/regimes';
import { createLogger } from '#shared/runtime';
import { type Person, startTestService, type TestService } from '../support/test-service.ts';

const thresholds = {
  ...{ refusalsOfCredential: 3, refusals: 50, anonymousRefusals: 1_000, ordersOfPair: 2, requestsOfPair: 3 },
  ...{ packagesNotFetched: 1, unusedDays: 90 },
  workingHours: { zone: 'Europe/Amsterdam', from: '07:00', to: '19:00', days: [1, 2, 3, 4, 5] },
};

describe('what a supervisor would ask about is told, in the ledger and to the operator', () => {
  let t: TestService;
  let officer: Person;
  const logged: Record<string, unknown>[] = [];
  beforeAll(async () => {
    const logger = createLogger('disclosure', (line) => logged.push(JSON.parse(line)));
    t = await startTestService({ patterns: thresholds, logger });
    officer = await t.enrol('officer');
  });
  afterAll(() => t.stop());

  const leaves = async (): Promise<LedgerEntry[]> => {
    const found: LedgerEntry[] = [];
    for await (const { entry } of t.ledger.entries()) found.push(entry);
    return found;
  };
  const alarms = async () =>
    (await leaves()).filter(({ kind }) => kind === 'pattern.alarm').map(({ details }) => details);

  it('an officer who is refused again and again, by the entry right behind', async () => {
    for (let i = 0; i < 3; i++) expect((await officer.call('GET', '/v1/credentials')).status).toBe(403);
    const last = (await leaves()).slice(-2);
    expect(last.map(({ kind }) => kind)).toEqual(['access.refused', 'pattern.alarm']);
    expect(last[1]).toMatchObject({
      actor: { service: 'disclosure' },
      details: { pattern: 'refusals_of_credential', thumbprint: officer.key.kid, count: 3, threshold: 3 },
    });
    expect(t.service.patternAlarms()).toMatchObject({ refusals_of_credential: 1, odd_hours: 0 });
    const told = logged.filter(({ code }) => String(code).startsWith('pattern.'));
    expect(told).toMatchObject([{ code: 'pattern.refusals_of_credential', count: 3 }]);
    expect(JSON.stringify(told)).not.toContain(officer.key.kid);
  });

  it('the same two people for order after order', async () => {
    const [registrar, reviewer] = [await t.enrol('registrar', 'anna'), await t.enrol('reviewer', 'boris')];
    for (let i = 0; i < 2; i++) {
      const orderId = await t.record(registrar);
      expect((await reviewer.call('POST', `/v1/orders/${orderId}/approval`)).status).toBe(200);
    }
    expect((await alarms()).at(-1)).toMatchObject({ pattern: 'orders_of_pair', persons: ['anna', 'boris'] });
  });

  it('work at night', async () => {
    t.clock.set('2096-11-20T21:30:00.000Z');
    await t.record(await t.enrol('registrar'));
    const told = (await alarms()).filter(({ pattern }) => pattern === 'odd_hours');
    // The administrators who enrolled and confirmed, and the registrar.
    expect(told).toHaveLength(3);
  });

  const replayed = async (entries: readonly LedgerEntry[]): Promise<ReplayReport> => {
    const replay = new Replay(undefined, shippedRegimes());
    await replay.take(
      entries.map((entry) => encodeEntry(entry)),
      0,
    );
    return replay.report();
  };
  const problems = async (change: (entries: LedgerEntry[]) => LedgerEntry[]) =>
    (await replayed(change(await leaves()))).problems.map(({ sentence }) => sentence);
  const first = (entries: readonly LedgerEntry[]): number =>
    entries.findIndex(({ kind }) => kind === 'pattern.alarm');

  it('and replay finds that each follows, and that none is missing', async () => {
    expect((await alarms()).length).toBeGreaterThan(3);
    expect(await problems((entries) => entries)).toEqual([]);
  });

  it('an alarm that was left out', async () => {
    const left = await problems((entries) => entries.toSpliced(first(entries), 1));
    const index = first(await leaves());
    expect(left).toContain(`Entry ${index} comes where an alarm on a pattern was due, and none was raised.`);
    // Said once, and not of every entry behind.
    expect(left.filter((sentence) => sentence.includes(`Entry ${index + 1} `))).toEqual([]);
  });

  it.each([
    ['twice', (alarm: LedgerEntry) => [alarm, alarm]],
    ['of another', (alarm: LedgerEntry) => [change(alarm, { thumbprint: 'x'.repeat(43) })]],
    ['with another count', (alarm: LedgerEntry) => [change(alarm, { count: 4 })]],
  ])('an alarm %s', async (_name, made) => {
    const sentences = await problems((entries) => {
      const at = first(entries);
      const alarm = entries[at];
      return alarm ? entries.toSpliced(at, 1, ...made(alarm)) : entries;
    });
    expect(sentences.join('\n')).toContain('raises an alarm on a pattern that was not due');
  });
});

function change(alarm: LedgerEntry, details: object): LedgerEntry {
  return decodeEntry(encodeEntry({ ...alarm, details: { ...alarm.details, ...details } }));
}
