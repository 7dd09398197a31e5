import { describe, expect, it } from 'vitest';
import {
  decideErasure,
  decideHoldExtension,
  decideHoldLifting,
  decideKeptHold,
  decideReference,
  decideRetention,
  type HoldState,
  holdOver,
  holdsDue,
  holdsInForce,
  holdUntil,
  isHoldInUse,
  namedHolds,
  noRetention,
  type OrderState,
  type RetentionDraft,
  readableHolds,
} from '#shared/control';

const preserving = '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e';
const producing = '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9f';
const received = '2026-01-01T00:00:00.000Z';
const sixtyDays = '2026-03-02T00:00:00.000Z';
const registrar = { thumbprint: 'r', personId: 'registrar' };
const other = { personId: 'reviewer' };

function orderOf(orderId: string, change: Partial<OrderState> = {}, details = {}): OrderState {
  return {
    orderId,
    recordedAt: received,
    recordedBy: registrar,
    commitments: {},
    earlier: [],
    clarifications: [],
    followedUp: [],
    estimates: {},
    alarms: [],
    expiryRecorded: false,
    details: {
      version: 1,
      regime: 'EU_EPOC',
      regimeVersion: '1',
      type: 'produce',
      issuingState: 'DE',
      emergency: false,
      categories: [],
      targetCount: 1,
      receivedAt: received,
      validUntil: '2026-02-01T00:00:00.000Z',
      ...details,
    },
    ...change,
  };
}
const preservation = { until: sixtyDays, extension: 'P30D', extensions: 1, confirmed: 'P90D' };
const preserve = (change: Partial<OrderState> = {}): OrderState =>
  orderOf(preserving, change, { type: 'preserve', schedule: { preservation } });
const produce = (change: Partial<OrderState> = {}, details = {}): OrderState =>
  orderOf(producing, change, details);
const holdOf = (order: OrderState, change: Partial<HoldState> = {}): HoldState => ({
  orderId: order.orderId,
  since: received,
  until: order.details.type === 'preserve' ? sixtyDays : order.details.validUntil,
  placedAt: received,
  extensions: 0,
  ...change,
});

function known(orders: readonly OrderState[], holds: readonly HoldState[] = orders.map((o) => holdOf(o))) {
  return {
    orders: new Map(orders.map((order) => [order.orderId, order])),
    holds: new Map(holds.map((hold) => [hold.orderId, hold])),
    disclosures: new Map(),
  };
}
const codeOf = (decision: { ok: boolean; code?: string }): string | undefined => decision.code;

describe('an order keeps', () => {
  it('from its first recording, whoever has approved it, and once', () => {
    const later = { recordedAt: '2026-01-05T00:00:00.000Z', earlier: [produce()] };
    expect(holdsDue(known([produce(later), preserve()], []), received)).toEqual([
      { orderId: producing, since: received, until: '2026-02-01T00:00:00.000Z' },
      { orderId: preserving, since: received, until: sixtyDays },
    ]);
    expect(holdsDue(known([produce()]), received)).toEqual([]);
  });

  it('nothing where it is of before there were holds, erased, or over already', () => {
    const orders = [
      orderOf('a', {}, { type: 'preserve' }),
      produce({ erasedAt: received }),
      preserve({ revoked: { status: 'Cancelled', at: received } }),
    ];
    expect(holdsDue(known(orders, []), received)).toEqual([]);
    expect(holdsDue(known([produce()], []), '2026-02-01T00:00:00.001Z')).toEqual([]);
  });

  it.each<[string, OrderState, string, string | null]>([
    ['to produce: until its last instant', produce(), '2026-02-01T00:00:00.000Z', null],
    ['to produce: not after it', produce(), '2026-02-01T00:00:00.001Z', 'period_over'],
    ['to produce: not once it is fulfilled', produce({ fulfilledAt: received }), received, 'fulfilled'],
    [
      'to produce: not once it is withdrawn',
      produce({ revoked: { status: 'Cancelled', at: received } }),
      received,
      'order_over',
    ],
    [
      'to produce: not once it is rejected',
      produce({ decision: { status: 'Rejected', at: received, by: registrar } }),
      received,
      'order_over',
    ],
    ['to produce: while it is suspended', produce({ suspendedAt: received }), received, null],
    ['to preserve: also after it is valid no longer, for sixty days', preserve(), sixtyDays, null],
    ['to preserve: not after them', preserve(), '2026-03-02T00:00:00.001Z', 'period_over'],
  ])('%s', (_, order, at, expected) => {
    expect(holdOver(known([order]), order, at)).toBe(expected);
  });

  it('to preserve for as long as an order to produce what it keeps can be carried out', () => {
    const order = preserve();
    const refers = { preservedUnder: preserving, validUntil: '2026-06-01T00:00:00.000Z' };
    const until = (later: OrderState): string => holdUntil(known([order, later]), order);
    expect(until(produce({}, refers))).toBe('2026-06-01T00:00:00.000Z');
    expect(until(produce({}, { ...refers, preservedUnder: 'another' }))).toBe(sixtyDays);
    expect(until(produce({ fulfilledAt: received }, refers))).toBe(sixtyDays);
    expect(until(produce({ revoked: { status: 'Invalid', at: received } }, refers))).toBe(sixtyDays);
    expect(until(produce({}, { ...refers, validUntil: received }))).toBe(sixtyDays);
  });
});

describe('a hold is made longer or lifted', () => {
  const at = '2026-02-15T00:00:00.000Z';

  it('by another person, once by the period that the authority may ask for', () => {
    const state = known([preserve()]);
    expect(codeOf(decideHoldExtension(state, preserving, registrar, at, 'extension'))).toBe(
      'order.own_registration',
    );
    expect(decideHoldExtension(state, preserving, other, at, 'extension')).toEqual({
      ok: true,
      until: '2026-04-01T00:00:00.000Z',
    });
    const extended = known([preserve()], [holdOf(preserve(), { extensions: 1 })]);
    expect(codeOf(decideHoldExtension(extended, preserving, other, at, 'extension'))).toBe(
      'hold.extended_already',
    );
  });

  it('from each confirmation that production follows, and never made shorter by one', () => {
    expect(decideHoldExtension(known([preserve()]), preserving, other, at, 'production_confirmed')).toEqual({
      ok: true,
      until: '2026-05-16T00:00:00.000Z',
    });
    const far = known([preserve()], [holdOf(preserve(), { until: '2026-12-01T00:00:00.000Z' })]);
    expect(decideHoldExtension(far, preserving, other, at, 'production_confirmed')).toEqual({
      ok: true,
      until: '2026-12-01T00:00:00.000Z',
    });
  });

  it('not after it is over, not of an order to produce, not by who recorded it', () => {
    const state = known([preserve(), produce()]);
    const late = '2026-03-02T00:00:00.001Z';
    expect(codeOf(decideHoldExtension(state, preserving, other, late, 'extension'))).toBe('hold.none');
    expect(codeOf(decideHoldExtension(state, producing, other, received, 'extension'))).toBe(
      'hold.not_extendable',
    );
    expect(codeOf(decideHoldLifting(state, preserving, registrar, at))).toBe('order.own_registration');
    expect(decideHoldLifting(state, preserving, other, at).ok).toBe(true);
    expect(codeOf(decideHoldLifting(state, preserving, other, late))).toBe('hold.none');
    expect(codeOf(decideHoldLifting(state, 'nobody', other, at))).toBe('order.unknown');
  });
});

describe('what is held may be read', () => {
  const read = (state: ReturnType<typeof known>, order: OrderState, at = received): string[] =>
    readableHolds(state, order, at).map(({ orderId }) => orderId);

  it('for its own order, and for the one that refers to it, and for no other', () => {
    const referring = produce({}, { preservedUnder: preserving });
    const state = known([preserve(), referring]);
    expect(read(state, referring)).toEqual([producing, preserving]);
    expect(read(known([preserve(), produce()]), produce())).toEqual([producing]);
    expect(read(state, preserve())).toEqual([]);
  });

  it('not a millisecond after its end, nor once its removal was begun', () => {
    const referring = produce({}, { preservedUnder: preserving, validUntil: '2027-01-01T00:00:00.000Z' });
    const lifted = { reason: 'other', at: received } as const;
    const state = known([preserve(), referring], [holdOf(preserve(), { lifted })]);
    expect(read(state, referring)).toEqual([]);
    const ended = { reason: 'period_over', records: 1, bytes: 1, at: received } as const;
    expect(read(known([referring], [holdOf(referring, { ended })]), referring)).toEqual([]);
    const own = known([produce()]);
    expect(read(own, produce(), '2026-02-01T00:00:00.000Z')).toEqual([producing]);
    expect(read(own, produce(), '2026-02-01T00:00:00.001Z')).toEqual([]);
  });

  it('by an order that names one to preserve while that keeps something', () => {
    const state = known([preserve(), produce()]);
    expect(decideReference(state, undefined, received)).toBe(true);
    expect(decideReference(state, preserving, sixtyDays)).toBe(true);
    expect(decideReference(state, preserving, '2026-03-02T00:00:00.001Z')).toBe(false);
    expect(decideReference(state, producing, received)).toBe(false);
    expect(decideReference(state, 'nobody', received)).toBe(false);
  });
});

describe('the removal of a hold', () => {
  const late = '2026-03-02T00:00:00.001Z';
  const amount = { records: 3, bytes: 30 };
  const end = {
    kind: 'hold.ended',
    subject: preserving,
    details: { reason: 'period_over', ...amount },
  } as const;
  const gone = { kind: 'hold.deleted', subject: preserving, details: { ...amount, goneAt: late } } as const;

  it('begins once it is over for the reason that is given, and while nobody reads it', () => {
    const state = known([preserve(), produce({}, { preservedUnder: preserving, validUntil: received })]);
    expect(codeOf(decideKeptHold(state, end, sixtyDays))).toBe('hold.in_force');
    expect(decideKeptHold(state, end, late).ok).toBe(true);
    const lifted = { ...end, details: { ...end.details, reason: 'lifted' } } as const;
    expect(codeOf(decideKeptHold(state, lifted, late))).toBe('hold.differs');
    const disclosures = new Map([['d', { orderId: producing, status: 'AwaitingDisclosure' }]]);
    const reading = { ...state, disclosures } as unknown as typeof state;
    expect(isHoldInUse(reading, preserving)).toBe(true);
    expect(codeOf(decideKeptHold(reading, end, late))).toBe('hold.in_use');
  });

  it('is certified once, with what it began with', () => {
    const ended = { reason: 'period_over', ...amount, at: late } as const;
    const state = known([preserve()], [holdOf(preserve(), { ended })]);
    expect(codeOf(decideKeptHold(state, end, late))).toBe('hold.differs');
    expect(decideKeptHold(state, gone, late).ok).toBe(true);
    const fewer = { ...gone, details: { ...gone.details, records: 2 } };
    expect(codeOf(decideKeptHold(state, fewer, late))).toBe('hold.differs');
    expect(codeOf(decideKeptHold(known([preserve()]), gone, late))).toBe('hold.differs');
    const deleted = { ...amount, goneAt: late, at: late };
    const done = known([preserve()], [holdOf(preserve(), { ended, deleted })]);
    expect(codeOf(decideKeptHold(done, gone, late))).toBe('hold.differs');
  });

  it('comes before its case is erased', () => {
    const order = preserve({ revoked: { status: 'Cancelled', at: received } });
    expect(codeOf(decideErasure(known([order]), preserving, other, late))).toBe('order.in_force');
    const deleted = { ...amount, goneAt: late, at: late };
    const state = known([order], [holdOf(order, { deleted })]);
    expect(decideErasure(state, preserving, other, late).ok).toBe(true);
  });
});

describe('the removal of days', () => {
  const policy = { version: 1, period: 'P6M', legalBasis: 'policy', since: received };
  const started = (holds: readonly string[]): RetentionDraft => ({
    kind: 'retention.started',
    subject: producing,
    details: {
      policyVersion: 1,
      through: '2025-07-01',
      days: [{ place: 'traffic', day: '2025-07-01', rows: 1, bytes: 1 }],
      ...(holds.length > 0 ? { holds: namedHolds(holds) } : {}),
    },
  });

  it('begins where just the holds in force were copied from them before', () => {
    const state = known([preserve(), produce()]);
    const inForce = holdsInForce(state, received);
    expect(inForce).toEqual([preserving, producing]);
    const decide = (named: readonly string[]) =>
      codeOf(decideRetention({ ...noRetention, policy }, started(named), received, inForce));
    expect(decide([producing, preserving])).toBeUndefined();
    expect(decide([preserving])).toBe('retention.hold_pending');
    expect(decide([])).toBe('retention.hold_pending');
    expect(holdsInForce(state, '2026-02-01T00:00:00.001Z')).toEqual([preserving]);
  });
});
