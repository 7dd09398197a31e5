import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrafficStore } from '#shared/store';
import { testEvent } from '../support/events.ts';
import { orderSteps, outcomeOf, replayed } from '../support/order-steps.ts';
import { type Person, startTestService, type TestService } from '../support/test-service.ts';

/* An order after it was approved: amended, suspended, withdrawn, found void, while somebody asks under it. */

let t: TestService;
let registrar: Person;
let reviewer: Person;
let officer: Person;

/** Lets reading begin when it is opened; closed only by the tests of releases under way. */
let gate = Promise.resolve();
const gated = (store: TrafficStore): TrafficStore => ({
  ...store,
  readReleased: (scope, options) => {
    const reading = store.readReleased(scope, options);
    return {
      ...reading,
      [Symbol.asyncIterator]: async function* () {
        await gate;
        yield* reading;
      },
    };
  },
});

beforeAll(async () => {
  t = await startTestService({ between: gated });
  [registrar, reviewer, officer] = [
    await t.enrol('registrar'),
    await t.enrol('reviewer'),
    await t.enrol('officer'),
  ];
  await t.store.insertEvents([testEvent()], { deduplicationToken: 'a' });
});
afterAll(() => t.stop());

const narrower = () => {
  const draft = t.orderDraft();
  return { ...draft, scope: { ...draft.scope, from: '2096-11-05T00:00:00.000Z' } };
};
async function approved(): Promise<string> {
  const orderId = await t.record(registrar);
  expect(outcomeOf(await orderSteps(orderId).take(reviewer, 'approval'))).toBe('Approved');
  return orderId;
}
/** A disclosure under the order that is ready to be fetched. */
async function released(orderId: string): Promise<string> {
  const { disclosureId } = (await orderSteps(orderId).request(officer)).body;
  expect((await t.finished(officer, disclosureId)).body.ready).toBe(true);
  return disclosureId;
}
const fetched = (id: string) => officer.call('GET', `/v1/disclosures/${id}/package`);

describe('an amended order', () => {
  it('is approved again before anything is released, and a request names the version that it is for', async () => {
    const orderId = await approved();
    const steps = orderSteps(orderId);
    const amended = await steps.amend(registrar, 1, narrower());
    expect(amended.body).toMatchObject({ version: 2, status: 'AwaitingApproval' });
    expect(outcomeOf(await steps.request(officer))).toBe('order.not_approved');
    expect(outcomeOf(await steps.request(officer, 2))).toBe('order.not_approved');
    expect(outcomeOf(await steps.take(reviewer, 'approval', { version: 2 }))).toBe('Approved');
    for (const version of [undefined, 1, 3]) {
      expect(outcomeOf(await steps.request(officer, version))).toBe('order.version');
    }
    const { disclosureId } = (await steps.request(officer, 2)).body;
    expect((await t.finished(officer, disclosureId)).body).toMatchObject({ status: 'Disclosed', records: 1 });
    const shown = await officer.call('GET', `/v1/orders/${orderId}`);
    expect(shown.body.order.scope?.from).toBe('2096-11-05T00:00:00.000Z');
  });

  it('is not approved by who read the version before', async () => {
    const orderId = await t.record(registrar);
    const steps = orderSteps(orderId);
    await steps.amend(registrar, 1, narrower());
    for (const body of [undefined, { version: 1 }]) {
      expect(outcomeOf(await steps.take(reviewer, 'approval', body))).toBe('order.version');
      const rejection = { reason: 'other', ...body };
      expect(outcomeOf(await steps.take(reviewer, 'rejection', rejection))).toBe('order.version');
    }
  });

  it('is not approved by who wrote any version of it, with whatever credential', async () => {
    const [first, second] = [await t.enrol('registrar', 'author-1'), await t.enrol('registrar', 'author-2')];
    const orderId = await t.record(first);
    const steps = orderSteps(orderId);
    await steps.amend(second, 1, narrower());
    for (const person of ['author-1', 'author-2']) {
      const own = await t.enrol('reviewer', person);
      expect(outcomeOf(await steps.take(own, 'approval', { version: 2 }))).toBe('order.own_registration');
    }
  });

  it('stays the same order: not another receipt, regime or State; and only the version in force is replaced', async () => {
    const orderId = await approved();
    const steps = orderSteps(orderId);
    const later = { ...narrower(), receivedAt: '2096-11-20T08:00:00.001Z' };
    expect(outcomeOf(await steps.amend(registrar, 1, later))).toBe('order.amendment');
    expect(outcomeOf(await steps.amend(registrar, 1, { ...narrower(), issuingState: 'BE' }))).toBe(
      'order.amendment',
    );
    for (const version of [2, 7]) {
      expect(outcomeOf(await steps.amend(registrar, version, narrower()))).toBe('order.version');
    }
    const twice = await Promise.all([1, 2].map(() => steps.amend(registrar, 1, narrower())));
    expect(twice.map(outcomeOf).sort()).toEqual(['AwaitingApproval', 'order.version']);
    for (const other of [reviewer, officer, t.administrator]) {
      expect(outcomeOf(await steps.amend(other, 2, narrower()))).toBe('access.role');
    }
  });

  it('at the same time as approvals and requests: nothing is asked for under a version that nobody approved', async () => {
    for (let round = 0; round < 4; round++) {
      const orderId = await t.record(registrar);
      const steps = orderSteps(orderId);
      await Promise.all([
        steps.take(reviewer, 'approval'),
        steps.request(officer),
        steps.amend(registrar, 1, narrower()),
        steps.take(reviewer, 'approval', { version: 2 }),
        steps.request(officer, 2),
        steps.request(officer),
      ]);
      let version = 0;
      let isApproved = false;
      for await (const { entry } of t.ledger.entries()) {
        const { kind, subject, details } = entry;
        if (subject !== orderId && details.orderId !== orderId) continue;
        if (kind === 'order.recorded' || kind === 'order.amended')
          [version, isApproved] = [version + 1, false];
        if (kind === 'order.approved') isApproved = details.version === version;
        if (kind === 'disclosure.requested')
          expect([isApproved, details.orderVersion]).toEqual([true, version]);
      }
      expect(version).toBe(2);
    }
  });
});

describe('a suspended order', () => {
  it('releases nothing and hands nothing out until another person resumes it', async () => {
    const orderId = await approved();
    const steps = orderSteps(orderId);
    const ready = await released(orderId);
    const suspended = await steps.take(registrar, 'suspension', { reason: 'by_authority' });
    expect(outcomeOf(suspended)).toBe('Suspended');
    expect(outcomeOf(await steps.request(officer))).toBe('order.suspended');
    expect(outcomeOf(await fetched(ready))).toBe('order.suspended');
    expect(outcomeOf(await steps.take(reviewer, 'suspension', { reason: 'other' }))).toBe('order.suspended');
    expect(outcomeOf(await steps.take(registrar, 'resumption', { version: 1 }))).toBe('access.role');
    expect(outcomeOf(await steps.take(reviewer, 'resumption', { version: 2 }))).toBe('order.version');
    expect(outcomeOf(await steps.take(reviewer, 'resumption', { version: 1 }))).toBe('Approved');
    expect(outcomeOf(await steps.take(reviewer, 'resumption', { version: 1 }))).toBe('order.not_suspended');
    expect((await fetched(ready)).status).toBe(200);
    expect((await steps.request(officer)).status).toBe(202);
  });

  it('is not resumed by who recorded it', async () => {
    const first = await t.enrol('registrar', 'author-3');
    const steps = orderSteps(await t.record(first));
    await steps.take(first, 'suspension', { reason: 'other' });
    const own = await t.enrol('reviewer', 'author-3');
    expect(outcomeOf(await steps.take(own, 'resumption', { version: 1 }))).toBe('order.own_registration');
    expect(outcomeOf(await steps.take(reviewer, 'approval'))).toBe('order.suspended');
  });
});

describe('an order that is over', () => {
  it.each([
    ['withdrawn', 'Cancelled', 'order.cancelled'],
    ['annulled', 'Invalid', 'order.void'],
  ])('because it was %s is %s, and for good', async (reason, status, code) => {
    const orderId = await approved();
    const steps = orderSteps(orderId);
    const ready = await released(orderId);
    expect(outcomeOf(await steps.take(registrar, 'revocation', { reason }))).toBe(status);
    expect(outcomeOf(await steps.request(officer))).toBe(code);
    expect(outcomeOf(await fetched(ready))).toBe(code);
    expect(outcomeOf(await steps.amend(registrar, 1, narrower()))).toBe(code);
    for (const [step, body] of [
      ['approval', { version: 1 }],
      ['suspension', { reason: 'other' }],
      ['resumption', { version: 1 }],
      ['revocation', { reason: 'withdrawn' }],
    ] as const) {
      const answer = await steps.take(reviewer, step, body);
      expect([step, outcomeOf(answer)]).toEqual([step, code]);
    }
  });
});

describe('while a package is being made', () => {
  const under = async (change: (orderId: string) => Promise<unknown>): Promise<string> => {
    const orderId = await approved();
    let open: () => void = () => {};
    gate = new Promise((resolve) => {
      open = resolve;
    });
    const { disclosureId } = (await orderSteps(orderId).request(officer)).body;
    await change(orderId);
    open();
    const done = await t.finished(officer, disclosureId);
    expect(done.body).toMatchObject({ status: 'Error', ready: false });
    expect((await fetched(disclosureId)).status).toBeGreaterThanOrEqual(400);
    let failed = '';
    for await (const { entry } of t.ledger.entries()) {
      if (entry.subject === disclosureId && entry.kind === 'disclosure.failed')
        failed = String(entry.details.code);
      if (entry.subject === disclosureId) expect(entry.kind).not.toBe('disclosure.released');
    }
    return failed;
  };

  it.each([
    ['suspension', 'suspension', { reason: 'by_authority' }, 'order.suspended'],
    ['withdrawal', 'revocation', { reason: 'withdrawn' }, 'order.cancelled'],
    ['nullity', 'revocation', { reason: 'annulled' }, 'order.void'],
  ])('a %s stops it', async (_name, step, body, code) => {
    expect(await under((orderId) => orderSteps(orderId).take(registrar, step, body))).toBe(code);
  });

  it('an amendment stops it, also where the new version was approved meanwhile', async () => {
    expect(await under((orderId) => orderSteps(orderId).amend(registrar, 1, narrower()))).toBe(
      'order.not_approved',
    );
    const code = await under(async (orderId) => {
      await orderSteps(orderId).amend(registrar, 1, narrower());
      await orderSteps(orderId).take(reviewer, 'approval', { version: 2 });
    });
    expect(code).toBe('order.version');
  });
});

it('every decision of this file follows from the ledger', async () => {
  const { problems, gaps } = await replayed(t);
  expect(problems).toEqual([]);
  expect(Object.keys(gaps).sort()).toEqual(['case_file', 'outside']);
});
