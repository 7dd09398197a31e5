import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OrderDraft } from '#shared/orders';
import type { TrafficEvent } from '#shared/traffic';
import { testEvent } from '../support/events.ts';
import { orderSteps, outcomeOf, replayed } from '../support/order-steps.ts';
import { fetchedRecords } from '../support/released-records.ts';
import { type Person, startTestService, type TestService } from '../support/test-service.ts';

/* What really leaves, record by record, at the edges of a scope; and who confirms a broad one. */

let t: TestService;
let officer: Person;
let registrar: Person;
let reviewer: Person;
beforeAll(async () => {
  t = await startTestService();
  [officer, registrar, reviewer] = [
    await t.enrol('officer'),
    await t.enrol('registrar'),
    await t.enrol('reviewer'),
  ];
});
afterAll(() => t.stop());

type Target = NonNullable<NonNullable<OrderDraft['scope']>['targets']>[number];
const draftFor = (targets: Target[], change: object = {}): OrderDraft => {
  const draft = t.orderDraft();
  const broadTargetsOrdered = targets.some(({ kind }) => kind === 'domain' || kind === 'prefix');
  return { ...draft, scope: { ...draft.scope, targets, broadTargetsOrdered, ...change } };
};
let tokens = 0;
const stored = (...events: TrafficEvent[]) =>
  t.store.insertEvents(events, { deduplicationToken: `edges-${++tokens}` });

/** Message ids of the records that an order releases, sorted. */
async function released(draft: OrderDraft): Promise<string[]> {
  return (await records(draft)).map(({ messageId = '' }) => messageId).sort();
}
async function records(draft: OrderDraft): Promise<Partial<TrafficEvent>[]> {
  const orderId = await t.approvedOrder(draft);
  const { disclosureId } = (await orderSteps(orderId).request(officer)).body;
  expect((await t.finished(officer, disclosureId)).body.ready).toBe(true);
  return fetchedRecords(t, officer, disclosureId);
}

describe('a message to many', () => {
  const to = ['anna@many.example', 'bram@many.example', 'carla@many.example'];
  beforeAll(() =>
    stored(
      ...to.map((recipientAddress, i) =>
        testEvent({
          senderAddress: 'sender@many.example',
          recipientAddress,
          recipientCount: 3,
          queueId: '4Many000000',
          messageId: `many-${i}@many.example`,
        }),
      ),
    ),
  );

  it('reveals of the others nothing where the target received it', async () => {
    const found = await records(draftFor([{ kind: 'address', value: 'bram@many.example' }]));
    expect(found.map(({ recipientAddress }) => recipientAddress)).toEqual(['bram@many.example']);
    expect(JSON.stringify(found)).not.toMatch(/anna|carla/);
  });

  it('names them all where the target sent it', async () => {
    const found = await records(draftFor([{ kind: 'address', value: 'sender@many.example' }]));
    expect(found.map(({ recipientAddress }) => recipientAddress).sort()).toEqual(to);
  });
});

describe('the edges of a window', () => {
  const at = (messageId: string, occurredAt: string, collectedAt = '2096-11-12T00:00:00.000Z') =>
    testEvent({ recipientAddress: 'edge@window.example', messageId, occurredAt, collectedAt });
  beforeAll(() =>
    stored(
      at('before', '2096-11-10T23:59:59.999Z'),
      at('first', '2096-11-11T00:00:00.000Z'),
      at('last', '2096-11-11T23:59:59.999Z'),
      at('after', '2096-11-12T00:00:00.000Z'),
      at('collected in time', '2096-11-11T12:00:00.000Z', '2096-11-20T08:00:00.000Z'),
      at('collected late', '2096-11-11T12:00:00.000Z', '2096-11-20T08:00:00.001Z'),
    ),
  );
  const targets: Target[] = [{ kind: 'address', value: 'edge@window.example' }];

  it.each([
    ['UTC', '2096-11-11T00:00:00Z', '2096-11-12T00:00:00Z'],
    ['a zone east of it', '2096-11-11T01:00:00+01:00', '2096-11-12T05:45:00+05:45'],
    ['a zone west of it', '2096-11-10T19:00:00-05:00', '2096-11-11T12:00:00-12:00'],
  ])(
    'are those of %s, to the millisecond: the first instant is in, the end is out',
    async (_zone, from, to) => {
      // As a registrar writes them: the service brings them to UTC.
      const orderId = await t.record(registrar, draftFor(targets, { from, to }));
      const estimate = await reviewer.call('GET', `/v1/orders/${orderId}/estimate`);
      expect(estimate.body.total).toBe(3);
      expect(await released(draftFor(targets, { from, to }))).toEqual(['collected in time', 'first', 'last']);
    },
  );

  it('a millisecond more or less of it counts', async () => {
    const wide = { from: '2096-11-10T23:59:59.999Z', to: '2096-11-12T00:00:00.001Z' };
    expect(await released(draftFor(targets, wide))).toEqual([
      'after',
      'before',
      'collected in time',
      'first',
      'last',
    ]);
    const narrow = { from: '2096-11-11T00:00:00.001Z', to: '2096-11-11T23:59:59.999Z' };
    expect(await released(draftFor(targets, narrow))).toEqual(['collected in time']);
  });
});

describe('the edges of an identifier', () => {
  const message = (messageId: string, change: Partial<TrafficEvent>) =>
    testEvent({
      senderAddress: undefined,
      recipientAddress: undefined,
      senderIp: undefined,
      originHostIp: undefined,
      messageId,
      ...change,
    });
  beforeAll(() =>
    stored(
      message('plain', { recipientAddress: 'dora@ids.example' }),
      message('capitals', { recipientAddress: 'DORA@ids.example' }),
      message('tag', { recipientAddress: 'dora+news@ids.example' }),
      message('tag in capitals', { recipientAddress: 'Dora+News@ids.example' }),
      message('dot', { recipientAddress: 'd.ora@ids.example' }),
      message('longer', { recipientAddress: 'dorab@ids.example' }),
      message('below', { recipientAddress: 'dora@sub.ids.example' }),
      message('utf8', { recipientAddress: 'jürgen@ids.example' }),
      message('utf8 capital', { recipientAddress: 'JÜRGEN@ids.example' }),
      message('ascii twin', { recipientAddress: 'jurgen@ids.example' }),
      message('decomposed', { recipientAddress: 'ju\u0308rgen@ids.example' }),
      message('v6', { clientIp: '2001:db8:1::5' }),
      message('v6 neighbour', { clientIp: '2001:db8:1::6' }),
      message('v6 other network', { clientIp: '2001:db8:1:1::5' }),
      message('v4', { clientIp: '192.0.2.77' }),
    ),
  );

  it.each<[Target, string[]]>([
    [{ kind: 'address', value: 'dora@ids.example' }, ['capitals', 'plain']],
    [{ kind: 'address', value: 'Dora@IDS.Example' }, ['capitals', 'plain']],
    [
      { kind: 'address', value: 'dora@ids.example', subaddresses: true },
      ['capitals', 'plain', 'tag', 'tag in capitals'],
    ],
    [{ kind: 'address', value: 'dora+news@ids.example' }, ['tag', 'tag in capitals']],
    [{ kind: 'domain', value: 'sub.ids.example' }, ['below']],
    [{ kind: 'ip', value: '2001:0DB8:0001:0000:0000:0000:0000:0005' }, ['v6']],
    [{ kind: 'ip', value: '2001:db8:1:0::5' }, ['v6']],
    [{ kind: 'prefix', value: '2001:db8:1::/64' }, ['v6', 'v6 neighbour']],
    [{ kind: 'prefix', value: '2001:DB8:1:0:FFFF::/64' }, ['v6', 'v6 neighbour']],
    [{ kind: 'prefix', value: '2001:db8:1::4/127' }, ['v6']],
    [{ kind: 'ip', value: '::ffff:192.0.2.77' }, ['v4']],
    [{ kind: 'prefix', value: '192.0.2.76/31' }, ['v4']],
  ])('%j releases %j', async (target, expected) => {
    expect(await released(draftFor([target]))).toEqual(expected);
  });

  it('letters beyond ASCII are what they are: no folding of case, none of accents', async () => {
    const found = await released(draftFor([{ kind: 'address', value: 'jürgen@ids.example' }]));
    expect(found).not.toContain('ascii twin');
    expect(found).not.toContain('utf8 capital');
    expect(found).toContain('utf8');
  });
});

describe('a domain or a prefix', () => {
  const broad = () => draftFor([{ kind: 'domain', value: 'many.example' }]);
  const recorded = () => t.record(registrar, broad());
  const estimateOf = async (orderId: string, by = reviewer) =>
    (await by.call('GET', `/v1/orders/${orderId}/estimate`)).body;

  it('is approved only with the counts that this person was shown of this version', async () => {
    const orderId = await recorded();
    const { take, amend } = orderSteps(orderId);
    const nothing = { counts: {}, total: 0 };
    for (const body of [undefined, { version: 1 }, { estimate: nothing }]) {
      expect(outcomeOf(await take(reviewer, 'approval', body))).toBe('order.estimate_missing');
    }
    const { counts, total } = await estimateOf(orderId);
    expect([counts, total]).toEqual([{ 'message.delivered': 3 }, 3]);
    for (const estimate of [
      nothing,
      { counts, total: 2 },
      { counts: { 'message.delivered': 2 }, total: 3 },
      { counts: { ...counts, 'session.login': 0 }, total },
    ]) {
      expect(outcomeOf(await take(reviewer, 'approval', { estimate }))).toBe('order.estimate_differs');
    }
    const another = await t.enrol('reviewer');
    expect(outcomeOf(await take(another, 'approval', { estimate: { counts, total } }))).toBe(
      'order.estimate_missing',
    );
    await amend(registrar, 1, broad());
    const old = { version: 2, estimate: { counts, total } };
    expect(outcomeOf(await take(reviewer, 'approval', old))).toBe('order.estimate_missing');
    await estimateOf(orderId);
    expect(outcomeOf(await take(reviewer, 'approval', old))).toBe('Approved');
  });

  it('leaves in the ledger the counts, and of the target nothing', async () => {
    const orderId = await recorded();
    const { counts, total } = await estimateOf(orderId);
    await orderSteps(orderId).take(reviewer, 'approval', { estimate: { counts, total } });
    const entries = [];
    for await (const { entry } of t.ledger.entries()) if (entry.subject === orderId) entries.push(entry);
    expect(entries.map(({ kind, details }) => [kind, details.counts ?? details.estimate])).toEqual([
      ['order.recorded', undefined],
      ['order.estimated', counts],
      ['order.approved', { counts, total }],
    ]);
    expect(JSON.stringify(entries)).not.toContain('many.example');
  });
});

it('every decision of this file follows from the ledger', async () => {
  const { problems, gaps } = await replayed(t);
  expect(problems).toEqual([]);
  expect(Object.keys(gaps).sort()).toEqual(['case_file', 'outside']);
});
