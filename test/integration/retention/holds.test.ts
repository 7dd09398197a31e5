import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Replay } from '#shared/control';
import { encodeEntry } from '#shared/ledger';
import type { OrderDraft } from '#shared/orders';
import { shippedRegimes } from '#shared/regimes';
import type { TrafficEvent } from '#shared/traffic';
import { testEvent } from '../../support/events.ts';
import { releasedRecords } from '../../support/released-records.ts';
import { orderBody, type Person, type TestService } from '../../support/test-service.ts';
import { openRetentionWorld, type RetentionWorld } from './support.ts';

/* One event is collected on 20 November at eight, and expires on 20 May at eight: its day goes at midnight. */
const collectedAt = '2096-11-20T08:00:00.000Z';
const beforeEnd = '2097-05-20T07:59:59.000Z';
const afterEnd = '2097-05-20T08:00:01.000Z';
const dayGone = '2097-05-21T00:00:02.000Z';

describe('what an order holds, over the real engine and by a moved clock', () => {
  let world: RetentionWorld;
  let t: TestService;
  let registrar: Person;
  let reviewer: Person;
  let officer: Person;
  let inserted = 0;
  beforeEach(async () => {
    world = await openRetentionWorld();
    t = world.service;
    registrar = await t.enrol('registrar');
    reviewer = await t.enrol('reviewer');
    officer = await t.enrol('officer');
  });
  afterEach(async () => {
    expect(await replayProblems()).toEqual([]);
    await world.stop();
  });

  const insert = async (...events: TrafficEvent[]): Promise<void> =>
    t.store.insertEvents(events, { deduplicationToken: `h-${++inserted}` });
  const scope = (change: Partial<NonNullable<OrderDraft['scope']>> = {}): OrderDraft['scope'] => ({
    ...t.orderDraft().scope,
    to: '2097-12-31T00:00:00.000Z',
    ...change,
  });
  const now = (): string => new Date(t.clock.now()).toISOString();
  const preserve = (change: Partial<OrderDraft> = {}): Promise<string> =>
    t.record(
      registrar,
      t.orderDraft({
        regime: 'EU_EPOC_PR',
        type: 'preserve',
        legalBasis: 'Article 6',
        scope: scope(),
        issuedAt: now(),
        receivedAt: now(),
        validUntil: '2098-01-01T00:00:00.000Z',
        ...change,
      }),
    );
  const produce = async (change: Partial<OrderDraft> = {}): Promise<string> => {
    const draft = t.orderDraft({
      scope: scope(),
      issuedAt: now(),
      receivedAt: now(),
      validUntil: '2098-01-01T00:00:00.000Z',
      ...change,
    });
    const orderId = await t.record(registrar, draft);
    const answer = await reviewer.call('POST', `/v1/orders/${orderId}/approval`);
    if (answer.status !== 200) throw new Error(answer.body.code);
    return orderId;
  };
  /** Time passes; somebody signs a request under the clock, and then the service looks. */
  const pass = async (retention: ReturnType<RetentionWorld['retention']>, until: string): Promise<void> => {
    t.clock.set(until);
    await officer.call('GET', '/v1/orders');
    await retention.tick();
    expect(retention.status()).toMatchObject({ fault: null, clock: { ok: true } });
    expect(retention.status().holds.map(({ fault }) => fault ?? 'none')).not.toContainEqual(
      expect.stringMatching(/\./),
    );
  };
  const days = async (): Promise<string[]> => [
    ...new Set((await world.days()).filter(({ table }) => table === 'traffic').map(({ day }) => day)),
  ];
  const messages = async (orderId: string, part?: object): Promise<string[]> =>
    (await releasedRecords(t, officer, { orderId, ...(part ? { scope: part } : {}) })).map(
      ({ messageId = '' }) => messageId,
    );
  const holdEntries = async () => (await t.entries()).filter(({ kind }) => kind.startsWith('hold.'));
  async function replayProblems(): Promise<unknown[]> {
    const replay = new Replay(undefined, shippedRegimes());
    const leaves: Uint8Array[] = [];
    for await (const { entry } of t.ledger.entries()) leaves.push(encodeEntry(entry));
    await replay.take(leaves, 0);
    return [...replay.report().problems];
  }

  it('is kept where it is placed a second before the end, is there for the order that refers to it alone, and is gone at its end with a certificate', async () => {
    await insert(
      testEvent({ collectedAt, messageId: 'kept@example.org' }),
      testEvent({ collectedAt, messageId: 'other@example.org', recipientAddress: 'carol@example.nl' }),
    );
    const retention = world.retention();
    await retention.tick();
    t.clock.set(beforeEnd);
    const preserving = await preserve();
    // It is looked after it has expired, and before its day is removed.
    await pass(retention, '2097-05-20T09:00:00.000Z');
    expect((await holdEntries()).map(({ kind, details }) => [kind, details])).toEqual([
      ['hold.placed', { since: beforeEnd, until: '2097-07-19T07:59:59.000Z' }],
      ['hold.copied', { records: 1 }],
    ]);
    await pass(retention, dayGone);
    expect(await days()).toEqual([]);
    const started = (await t.entries()).filter(({ kind }) => kind === 'retention.started').at(-1);
    const sha256 = createHash('sha256').update(`${preserving}\n`).digest('hex');
    expect(started?.details.holds).toEqual({ count: 1, sha256 });

    const plain = await produce();
    const producing = await produce({ preservedUnder: preserving });
    const another = await produce({
      preservedUnder: preserving,
      scope: scope({ targets: [{ kind: 'address', value: 'carol@example.nl' }] }),
    });
    await pass(retention, '2097-05-21T00:01:02.000Z');
    expect(await messages(plain)).toEqual([]);
    expect(await messages(producing)).toEqual(['kept@example.org']);
    // The scope of the request holds as it does for what is not held.
    expect(await messages(another)).toEqual([]);
    // Fetched in whole: as far as these orders go, nothing is needed any more. The preservation has its time.
    await pass(retention, '2097-05-21T00:02:02.000Z');
    await pass(retention, '2097-07-19T07:59:59.000Z');
    expect(retention.status().holds).toMatchObject([{ orderId: preserving, over: null, records: 1 }]);
    const late = await produce({ preservedUnder: preserving, validUntil: '2097-07-20T00:00:00.000Z' });
    await pass(retention, '2097-07-19T23:00:00.000Z');
    expect(retention.status().holds[0]).toMatchObject({ over: null, until: '2097-07-20T00:00:00.000Z' });
    expect(await messages(late, { to: '2097-01-01T00:00:00.000Z' })).toEqual(['kept@example.org']);

    t.clock.set('2097-07-20T00:00:00.001Z');
    const body = orderBody(t.orderDraft({ preservedUnder: preserving }));
    const after = await registrar.call('POST', '/v1/orders', { body });
    expect(after.body.code).toBe('order.preserved_under');
    await pass(retention, '2097-07-20T00:01:00.000Z');
    const [ended, deleted] = (await holdEntries()).filter(
      ({ kind, details }) => /ended|deleted/.test(kind) && details.records === 1,
    );
    expect(ended).toMatchObject({ kind: 'hold.ended', details: { reason: 'period_over' } });
    expect(deleted).toMatchObject({ kind: 'hold.deleted', details: { bytes: ended?.details.bytes } });
    expect(await world.held.list()).toEqual([]);
  });

  it('is nothing where it is placed a second after the end', async () => {
    await insert(testEvent({ collectedAt, messageId: 'late@example.org' }));
    const retention = world.retention();
    await retention.tick();
    t.clock.set(afterEnd);
    const preserving = await preserve();
    await pass(retention, '2097-05-20T09:00:00.000Z');
    await pass(retention, dayGone);
    expect((await holdEntries()).at(-1)).toMatchObject({ kind: 'hold.copied', details: { records: 0 } });
    expect(await messages(await produce({ preservedUnder: preserving }))).toEqual([]);
  });

  it('of an order to preserve has what comes while it keeps; of one to produce what was stored at its receipt', async () => {
    const retention = world.retention();
    await insert(testEvent({ collectedAt, messageId: 'before@example.org' }));
    const preserving = await preserve();
    const producing = await produce();
    await pass(retention, '2096-11-20T09:01:00.000Z');
    await insert(
      testEvent({
        occurredAt: '2096-11-20T11:00:00.000Z',
        collectedAt: '2096-11-20T11:00:01.000Z',
        messageId: 'arrived@example.org',
      }),
    );
    await pass(retention, '2096-11-20T11:30:00.000Z');
    const amounts = new Map((await world.held.list()).map(({ orderId, records }) => [orderId, records]));
    expect([amounts.get(preserving), amounts.get(producing)]).toEqual([2, 1]);
    // Again and again: nothing is there twice.
    for (let n = 0; n < 3; n++) await pass(world.retention(), '2096-11-20T11:31:00.000Z');
    expect((await world.held.list()).map(({ records }) => records).sort()).toEqual([1, 2]);
  });

  it('is in no removal of days that it was not copied from: what came late, or was placed in between', async () => {
    let second: string | null = null;
    let isArmed = false;
    const retention = world.retention({
      held: {
        copy: async (hold, of, part) => {
          await world.held.copy(hold, of, part);
          // Recorded while days are about to go: they do not go under its feet.
          if (isArmed && !part.byIndex) second ??= await preserve();
        },
      },
    });
    await insert(testEvent({ collectedAt, messageId: 'first@example.org' }));
    const preserving = await preserve();
    await pass(retention, '2096-11-20T09:01:00.000Z');
    for (const at of ['2097-01-15', '2097-04-01']) {
      t.clock.set(`${at}T00:00:00.000Z`);
      const body = { reason: 'production_confirmed' };
      await reviewer.call('POST', `/v1/orders/${preserving}/hold-extension`, { body });
      await retention.tick();
    }
    // Collected in time, and inserted half a year later, after a long outage on its way: what is looked for
    // each hour is what was collected since.
    await insert(testEvent({ collectedAt, messageId: 'outage@example.org' }));
    await pass(retention, '2097-05-20T09:00:00.000Z');
    expect((await world.held.list()).map(({ records }) => records)).toEqual([1]);
    isArmed = true;
    t.clock.set(dayGone);
    await officer.call('GET', '/v1/orders');
    await retention.tick();
    expect(retention.status().fault).toBe('retention.hold_pending');
    expect(await days()).toEqual(['2096-11-20']);
    await pass(retention, '2097-05-21T00:01:02.000Z');
    expect(await days()).toEqual([]);
    expect((await messages(await produce({ preservedUnder: preserving }))).sort()).toEqual([
      'first@example.org',
      'outage@example.org',
    ]);
    expect(await messages(await produce({ preservedUnder: second ?? '' }))).toEqual([]);
  });

  it('keeps the days that it could not be copied from, unreadable and with an alarm, until it is', async () => {
    await insert(testEvent({ collectedAt, messageId: 'stuck@example.org' }));
    const broken = world.retention({
      held: {
        copy: async () => {
          throw Object.assign(new Error('full'), { code: 'store.unavailable' });
        },
      },
    });
    t.clock.set(beforeEnd);
    const preserving = await preserve();
    for (const at of [dayGone, '2097-05-22T00:00:02.000Z']) {
      t.clock.set(at);
      await officer.call('GET', '/v1/orders');
      await broken.tick();
    }
    expect(await days()).toEqual(['2096-11-20']);
    expect(broken.status().overdue).toContainEqual({ place: 'traffic', items: 1, oldest: '2096-11-20' });
    expect(broken.status().holds).toMatchObject([{ fault: 'store.unavailable', copiedAt: null }]);
    const orderId = await produce({ preservedUnder: preserving });
    expect(await messages(orderId, { to: '2097-01-01T00:00:00.000Z' })).toEqual([]);
    await pass(world.retention(), '2097-05-22T00:01:02.000Z');
    expect(await days()).toEqual([]);
    expect(await messages(orderId)).toEqual(['stuck@example.org']);
  });

  it('of an order to produce ends once all that it asks for was fetched, or when it is withdrawn', async () => {
    await insert(testEvent({ collectedAt, messageId: 'asked@example.org' }));
    const retention = world.retention();
    const [fetched, narrowed, withdrawn] = [await produce(), await produce(), await produce()];
    await pass(retention, '2096-11-20T09:01:00.000Z');
    expect(await world.held.list()).toHaveLength(3);
    expect(await messages(fetched)).toEqual(['asked@example.org']);
    expect(await messages(narrowed, { to: '2096-12-01T00:00:00.000Z' })).toEqual(['asked@example.org']);
    await registrar.call('POST', `/v1/orders/${withdrawn}/revocation`, { body: { reason: 'withdrawn' } });
    await pass(retention, '2096-11-20T09:02:00.000Z');
    expect((await world.held.list()).map(({ orderId }) => orderId)).toEqual([narrowed]);
    const ends = (await holdEntries()).filter(({ kind }) => kind === 'hold.ended');
    expect(ends.map(({ details }) => details.reason)).toEqual(['fulfilled', 'order_over']);
    // The traffic was never touched.
    expect(await messages(narrowed)).toEqual(['asked@example.org']);
  });

  it('is extended and lifted by another person than the one who recorded it, by the rules of the regime', async () => {
    await insert(testEvent({ collectedAt }));
    const retention = world.retention();
    const preserving = await preserve();
    const receivedAt = now();
    const producing = await produce({ receivedAt });
    await pass(retention, '2096-11-20T09:01:00.000Z');
    const step = (person: Person, name: string, reason: string, id = preserving) =>
      person.call('POST', `/v1/orders/${id}/hold-${name}`, { body: { reason } });
    const codeOf = async (answer: ReturnType<typeof step>): Promise<unknown> => (await answer).body.code;
    expect(await codeOf(step(registrar, 'extension', 'extension'))).toBe('access.role');
    // Refused for its form, which no entry before it bears out and none contradicts.
    expect(await codeOf(step(reviewer, 'extension', 'no reason of the list'))).toBe('request.invalid');
    expect(await codeOf(step(reviewer, 'lifting', ''))).toBe('request.invalid');
    // Which order it names is in its body, too.
    const draft = t.orderDraft({ preservedUnder: producing, receivedAt, issuedAt: receivedAt });
    const amendment = { version: 1, ...(orderBody(draft) as object) };
    const answer = registrar.call('POST', `/v1/orders/${producing}/amendment`, { body: amendment });
    expect(await codeOf(answer)).toBe('order.preserved_under');
    const own = await t.record(registrar, t.orderDraft());
    const both = await t.enrol(
      'reviewer',
      (await t.enrolment(registrar.key, 'x', 'x', 'registrar')).personId,
    );
    expect(await codeOf(step(both, 'lifting', 'other', own))).toBe('hold.none');
    expect(await codeOf(step(reviewer, 'extension', 'extension', producing))).toBe('hold.not_extendable');
    expect((await step(reviewer, 'extension', 'extension')).body).toMatchObject({
      until: '2097-02-18T09:00:00.000Z',
      extensions: 1,
    });
    expect(await codeOf(step(reviewer, 'extension', 'extension'))).toBe('hold.extended_already');
    t.clock.set('2097-02-18T08:00:00.000Z');
    expect((await step(reviewer, 'extension', 'production_confirmed')).body).toMatchObject({
      until: '2097-05-19T08:00:00.000Z',
    });
    const auditor = await t.enrol('auditor');
    expect((await auditor.call('GET', '/v1/holds')).body.items).toMatchObject([
      { orderId: producing, type: 'produce' },
      { orderId: preserving, copiedRecords: 1, until: '2097-05-19T08:00:00.000Z' },
    ]);
    expect((await step(reviewer, 'lifting', 'by_authority')).body).toMatchObject({ over: 'lifted' });
    expect(await codeOf(step(reviewer, 'lifting', 'by_authority'))).toBe('hold.none');
    await pass(retention, '2097-02-18T08:01:00.000Z');
    expect((await world.held.list()).map(({ orderId }) => orderId)).toEqual([producing]);
  });
});
