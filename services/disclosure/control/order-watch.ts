import {
  type AnyControlEntry,
  alarmsDue,
  type ControlState,
  missedFollowUps,
  type OrderState,
  orderDeadline,
  orderStatus,
} from '#shared/control';
import { type Clock, type Logger, utc } from '#shared/runtime';
import type { ControlPlane } from './control-plane.ts';
import { holdsToPlace } from './holds.ts';

/** Orders that somebody has to look at now. */
export interface OrderWatchFigures {
  /** Due soon: an alarm was due, and the deadline has not passed. */
  readonly dueSoon: number;
  readonly overdue: number;
  /** Emergencies that something had to follow, and did not in time. */
  readonly followUpsMissed: number;
}

/**
 * Looks after the times of orders: raises alarms before deadlines pass, records that orders expired, and places
 * the holds of those that were recorded.
 */
export interface OrderWatch {
  /** One look. Repeatable: what is in the ledger already is not recorded again. */
  run(): Promise<void>;
  figures(): OrderWatchFigures;
}

const by = { actor: { service: 'disclosure' } } as const;

export function createOrderWatch(deps: {
  readonly control: ControlPlane;
  readonly clock: Clock;
  readonly logger: Logger;
}): OrderWatch {
  const { control, clock, logger } = deps;
  return {
    async run() {
      if (entriesDue(control.state, utc(clock.now())).length === 0) return;
      const { result } = await control.transact((state, at) => {
        const entries = entriesDue(state, at);
        return { entries, result: entries };
      });
      for (const entry of result) tell(logger, entry);
    },
    figures: () => figuresOf(control.state, utc(clock.now())),
  };
}

function entriesDue(state: Readonly<ControlState>, at: string): AnyControlEntry[] {
  const ofOrders = [...state.orders.values()].flatMap((order): AnyControlEntry[] => {
    const { orderId: subject, details } = order;
    const { version, validUntil } = details;
    const alarms = alarmsDue(order, at).map(
      (alarm): AnyControlEntry => ({ ...by, kind: 'order.deadline_alarm', at, subject, details: alarm }),
    );
    return isNewlyExpired(order, at)
      ? [...alarms, { ...by, kind: 'order.expired', at, subject, details: { version, validUntil } }]
      : alarms;
  });
  return [...ofOrders, ...holdsToPlace(state, at)];
}

const isNewlyExpired = (order: OrderState, at: string): boolean =>
  !order.expiryRecorded && order.erasedAt === undefined && orderStatus(order, at) === 'Expired';

function tell(logger: Logger, { kind, subject: orderId = '', details }: AnyControlEntry): void {
  if (kind === 'hold.placed') logger.info({ orderId }, 'an order keeps what it is about');
  if (kind === 'order.expired') logger.info({ orderId }, 'an order expired');
  if (kind !== 'order.deadline_alarm') return;
  const code = `order.deadline_${details.stage}`;
  if (details.stage === 'soon') logger.warn({ code, orderId }, 'the data of an order are due soon');
  else logger.error({ code, orderId }, 'a time that the law sets for an order has passed');
}

function figuresOf({ orders }: Pick<ControlState, 'orders'>, at: string): OrderWatchFigures {
  const figures = { dueSoon: 0, overdue: 0, followUpsMissed: 0 };
  for (const order of orders.values()) {
    const deadline = orderDeadline(order, at);
    if (deadline && at > deadline.dueAt) figures.overdue++;
    else if (deadline && !deadline.stopped && at >= deadline.alarmAt) figures.dueSoon++;
    const isKept = order.revoked === undefined && order.erasedAt === undefined;
    if (isKept && missedFollowUps(order, at).length > 0) figures.followUpsMissed++;
  }
  return figures;
}
