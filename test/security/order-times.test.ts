import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OrderDraft } from '#shared/orders';
import { epocDraft, orderSteps, outcomeOf, replayed } from '../support/order-steps.ts';
import { type Person, startTestService, type TestService } from '../support/test-service.ts';

/* Deadlines, clocks that stand still, notification of an authority and emergencies: by the service's clock. */

let t: TestService;
let registrar: Person;
let reviewer: Person;
let officer: Person;
beforeAll(async () => {
  t = await startTestService();
  [registrar, reviewer, officer] = [
    await t.enrol('registrar'),
    await t.enrol('reviewer'),
    await t.enrol('officer'),
  ];
});
afterAll(() => t.stop());

const second = 1000;
const hour = 3_600_000;
const day = 24 * hour;
const iso = (ms: number): string => new Date(ms).toISOString();
const shown = async (orderId: string) =>
  (await registrar.call('GET', '/v1/orders')).body.items.find((item) => item.orderId === orderId);

/** An order received now, approved, that answers within its validity. */
async function received(
  change: Partial<OrderDraft> = {},
  { approve = true, base = epocDraft(t) }: { approve?: boolean; base?: OrderDraft } = {},
) {
  t.clock.advance(hour);
  const now = t.clock.now();
  const draft = {
    ...base,
    issuedAt: iso(now - hour),
    receivedAt: iso(now),
    validUntil: iso(now + 90 * day),
    ...change,
  };
  const orderId = await t.record(registrar, draft);
  const steps = orderSteps(orderId);
  if (approve) expect(outcomeOf(await steps.take(reviewer, 'approval'))).toBe('Approved');
  return { orderId, now, draft, ...steps };
}
const notifiedNow = () => ({
  required: true,
  enforcingAuthority: 'Openbaar Ministerie',
  notifiedAt: iso(t.clock.now() + hour),
});
/** Alarms in the ledger about an order: stage and due time. */
async function alarmsOf(orderId: string): Promise<unknown[]> {
  await t.service.watchOrders();
  const found = [];
  for await (const { entry } of t.ledger.entries()) {
    if (entry.kind === 'order.deadline_alarm' && entry.subject === orderId) {
      found.push([entry.details.stage, entry.details.dueAt]);
    }
  }
  return found;
}

describe('a deadline', () => {
  it('is shown, raises an alarm before it passes and another when it has, each once', async () => {
    const { orderId, now } = await received();
    const dueAt = iso(now + 10 * day);
    expect((await shown(orderId))?.deadline).toEqual({ dueAt, stopped: false, missed: false });
    t.clock.set(iso(now + 8 * day - 1));
    expect(await alarmsOf(orderId)).toEqual([]);
    const before = t.service.orderFigures();
    t.clock.advance(1);
    expect(await alarmsOf(orderId)).toEqual([['soon', dueAt]]);
    expect(t.service.orderFigures().dueSoon).toBe(before.dueSoon + 1);
    t.clock.set(dueAt);
    expect(await alarmsOf(orderId)).toHaveLength(1);
    t.clock.advance(1);
    expect(await alarmsOf(orderId)).toEqual([
      ['soon', dueAt],
      ['missed', dueAt],
    ]);
    expect((await shown(orderId))?.deadline).toMatchObject({ missed: true });
    expect(t.service.orderFigures().overdue).toBe(before.overdue + 1);
    t.clock.advance(day);
    expect(await alarmsOf(orderId)).toHaveLength(2);
  });

  it('of an order that was answered, or is over, is none', async () => {
    const answered = await received();
    const { disclosureId } = (await answered.request(officer)).body;
    await t.finished(officer, disclosureId);
    const over = await received();
    await over.take(registrar, 'revocation', { reason: 'withdrawn' });
    t.clock.advance(20 * day);
    for (const { orderId } of [answered, over]) {
      expect((await shown(orderId))?.deadline).toBeUndefined();
      expect(await alarmsOf(orderId)).toEqual([]);
    }
  });

  it('is eight hours in an emergency, and what a Dutch order says itself', async () => {
    const epoc = await received({ emergency: { reasons: 'threat to life' } });
    expect((await shown(epoc.orderId))?.deadline?.dueAt).toBe(iso(epoc.now + 8 * hour));
    const deadlineAt = iso(t.clock.now() + 3 * day);
    const { orderId } = await received({ deadlineAt }, { base: t.orderDraft() });
    expect((await shown(orderId))?.deadline?.dueAt).toBe(deadlineAt);
    await orderSteps(orderId).take(registrar, 'revocation', { reason: 'withdrawn' });
  });

  it('expires with its order, on record once', async () => {
    const { orderId, now } = await received({ validUntil: iso(t.clock.now() + hour + 2 * day) });
    t.clock.set(iso(now + 2 * day + 1));
    await t.service.watchOrders();
    await t.service.watchOrders();
    expect((await shown(orderId))?.status).toBe('Expired');
    let expired = 0;
    for await (const { entry } of t.ledger.entries()) {
      if (entry.kind === 'order.expired' && entry.subject === orderId) expired++;
    }
    expect(expired).toBe(1);
  });
});

describe('while the authority is asked to clarify', () => {
  it('nothing is released, and the clock stands still until the answer came', async () => {
    const { orderId, now, take, request } = await received();
    t.clock.set(iso(now + 2 * day));
    const question = { version: 1, grounds: ['epoc.incomplete', 'epoc.manifest_errors'] };
    expect(outcomeOf(await take(registrar, 'clarification', question))).toBe('Approved');
    expect(outcomeOf(await request(officer))).toBe('order.clarification_awaited');
    expect(outcomeOf(await take(reviewer, 'clarification', question))).toBe('order.clarification_awaited');
    t.clock.set(iso(now + 30 * day));
    expect((await shown(orderId))?.deadline).toEqual({
      dueAt: iso(now + 38 * day),
      stopped: true,
      missed: false,
    });
    expect(await alarmsOf(orderId)).toEqual([]);
    for (const at of [now + 2 * day - 1, now + 30 * day + 1]) {
      const answer = await take(registrar, 'clarification-answer', { receivedAt: iso(at) });
      expect(outcomeOf(answer)).toBe('order.answer_time');
    }
    // Recorded on day 30; it came on day 28, and the clock has run since.
    await take(registrar, 'clarification-answer', { receivedAt: iso(now + 28 * day) });
    expect((await shown(orderId))?.deadline).toMatchObject({ dueAt: iso(now + 36 * day), stopped: false });
    expect(
      outcomeOf(await take(registrar, 'clarification-answer', { receivedAt: iso(now + 30 * day) })),
    ).toBe('order.no_clarification');
    expect((await request(officer)).status).toBe(202);
  });

  it('for a reason that does not stop the clock it runs on', async () => {
    const { orderId, now, take, request } = await received();
    await take(registrar, 'clarification', { version: 1, grounds: ['epoc.press_freedom'] });
    t.clock.advance(day);
    expect((await shown(orderId))?.deadline).toEqual({
      dueAt: iso(now + 10 * day),
      stopped: false,
      missed: false,
    });
    expect(outcomeOf(await request(officer))).toBe('order.clarification_awaited');
  });

  it('grounds are those of the regime, each for its use', async () => {
    const { take, amend, draft } = await received({}, { approve: false });
    for (const grounds of [
      ['nl.incomplete'],
      ['epoc.impossible'],
      ['epoc.incomplete', 'epoc.objection_immunity'],
      ['epoc.none'],
    ]) {
      expect(outcomeOf(await take(registrar, 'clarification', { version: 1, grounds }))).toBe('order.ground');
    }
    const refusal = { version: 1, reason: 'inadmissible', grounds: ['epoc.press_freedom'] };
    expect(outcomeOf(await take(reviewer, 'rejection', refusal))).toBe('order.ground');
    await take(registrar, 'clarification', { version: 1, grounds: ['epoc.incomplete'] });
    expect(outcomeOf(await take(reviewer, 'approval'))).toBe('order.clarification_awaited');
    // The authority's correction is the next version.
    expect((await amend(registrar, 1, draft)).body.version).toBe(2);
    const grounds = ['epoc.incomplete', 'epoc.not_competent'];
    const rejected = await take(reviewer, 'rejection', { version: 2, reason: 'inadmissible', grounds });
    expect(outcomeOf(rejected)).toBe('Rejected');
    expect(outcomeOf(await amend(registrar, 2, draft))).toBe('order.rejected');
  });
});

describe('where another authority was notified', () => {
  it('nothing is released before the end of ten days, and from that millisecond on', async () => {
    const notification = notifiedNow();
    const { orderId, now, request } = await received({ notification });
    expect(notification.notifiedAt).toBe(iso(now));
    const waitUntil = iso(now + 10 * day);
    expect((await shown(orderId))?.releaseWaitsUntil).toBe(waitUntil);
    expect(outcomeOf(await request(officer))).toBe('order.notification_pending');
    t.clock.set(iso(now + 10 * day - 1));
    expect(outcomeOf(await request(officer))).toBe('order.notification_pending');
    t.clock.advance(1);
    expect((await request(officer)).status).toBe(202);
  });

  it('or before its earlier answer, which another person than the registrar records', async () => {
    const { orderId, now, take, request } = await received({ notification: notifiedNow() });
    t.clock.advance(day);
    const answer = { version: 1, answer: 'no_objection', receivedAt: iso(now + hour) };
    expect(outcomeOf(await take(registrar, 'notification-answer', answer))).toBe('order.own_registration');
    expect(outcomeOf(await take(reviewer, 'notification-answer', { ...answer, version: 2 }))).toBe(
      'order.version',
    );
    const early = { ...answer, receivedAt: iso(t.clock.now() + second) };
    expect(outcomeOf(await take(reviewer, 'notification-answer', early))).toBe('order.answer_time');
    expect(outcomeOf(await request(officer))).toBe('order.notification_pending');
    expect(outcomeOf(await take(reviewer, 'notification-answer', answer))).toBe('Approved');
    expect((await shown(orderId))?.releaseWaitsUntil).toBeUndefined();
    expect((await request(officer)).status).toBe(202);
  });

  it('an answer about the version before opens nothing', async () => {
    const { now, take, request, amend, draft } = await received({ notification: notifiedNow() });
    await take(reviewer, 'notification-answer', { version: 1, answer: 'no_objection', receivedAt: iso(now) });
    await amend(registrar, 1, draft);
    await take(reviewer, 'approval', { version: 2 });
    expect(outcomeOf(await request(officer, 2))).toBe('order.notification_pending');
  });

  it('its objection in time refuses, to the millisecond; a later one does not', async () => {
    const grounds = ['epoc.objection_ne_bis_in_idem'];
    for (const [late, outcome] of [
      [0, 'Rejected'],
      [1, 'order.objection_late'],
    ] as const) {
      const { now, take, request } = await received({ notification: notifiedNow() });
      t.clock.set(iso(now + 11 * day));
      const receivedAt = iso(now + 10 * day + late);
      const answer = { version: 1, answer: 'objection', receivedAt };
      expect(outcomeOf(await take(registrar, 'notification-answer', answer))).toBe(
        late ? outcome : 'order.ground',
      );
      expect(
        outcomeOf(
          await take(registrar, 'notification-answer', {
            version: 1,
            answer: 'objection',
            grounds,
            receivedAt,
          }),
        ),
      ).toBe(outcome);
      const asked = await request(officer);
      expect(outcomeOf(asked)).toBe(late ? 'AwaitingDisclosure' : 'order.objected');
    }
  });

  it('an emergency does not wait, and the objection within 96 hours ends what follows', async () => {
    for (const [late, outcome] of [
      [0, 'Rejected'],
      [1, 'order.objection_late'],
    ] as const) {
      const change = { notification: notifiedNow(), emergency: { reasons: 'threat to life' } };
      const { orderId, now, take, request } = await received(change);
      expect((await shown(orderId))?.releaseWaitsUntil).toBeUndefined();
      const { disclosureId } = (await request(officer)).body;
      await t.finished(officer, disclosureId);
      t.clock.set(iso(now + 5 * day));
      const answer = { version: 1, answer: 'objection', grounds: ['epoc.objection_fundamental_rights'] };
      const given = { ...answer, receivedAt: iso(now + 96 * hour + late) };
      expect(outcomeOf(await take(registrar, 'notification-answer', given))).toBe(outcome);
      const fetched = await officer.call('GET', `/v1/disclosures/${disclosureId}/package`);
      expect(late ? fetched.status : outcomeOf(fetched)).toBe(late ? 200 : 'order.objected');
    }
  });

  it('an order that notifies nobody has no answer to record', async () => {
    const { now, take } = await received();
    const answer = { version: 1, answer: 'no_objection', receivedAt: iso(now) };
    expect(outcomeOf(await take(reviewer, 'notification-answer', answer))).toBe('order.no_notification');
  });
});

describe('what must follow an emergency', () => {
  it('ends the releases where it did not come in time, to the millisecond, until it comes', async () => {
    const emergency = { reasons: 'threat to life' };
    const { orderId, now, take, request } = await received({ emergency }, { base: t.orderDraft() });
    const followUp = { id: 'nl.order_in_writing', by: iso(now + 3 * day), done: false };
    expect((await shown(orderId))?.followUps).toEqual([followUp]);
    t.clock.set(iso(now + 3 * day));
    expect((await request(officer)).status).toBe(202);
    expect(await alarmsOf(orderId)).toEqual([]);
    t.clock.advance(1);
    expect(outcomeOf(await request(officer))).toBe('order.follow_up_missing');
    expect(await alarmsOf(orderId)).toEqual([['follow_up_missed', followUp.by]]);
    expect(outcomeOf(await take(registrar, 'follow-up', { version: 1, followUp: 'nl.other' }))).toBe(
      'order.no_follow_up',
    );
    await take(registrar, 'follow-up', { version: 1, followUp: followUp.id });
    expect((await shown(orderId))?.followUps).toEqual([{ ...followUp, done: true }]);
    expect((await request(officer)).status).toBe(202);
    expect(outcomeOf(await take(registrar, 'follow-up', { version: 1, followUp: followUp.id }))).toBe(
      'order.no_follow_up',
    );
  });
});

it('every decision and alarm of this file follows from the ledger', async () => {
  const { problems, gaps, counts } = await replayed(t);
  expect(problems).toEqual([]);
  expect(Object.keys(gaps).sort()).toEqual(['case_file', 'outside']);
  expect(counts['order.deadline_alarm']).toBeGreaterThan(2);
});
