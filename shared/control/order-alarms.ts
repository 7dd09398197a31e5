import { currentDeadline, type DeadlineState } from '#shared/orders';
import type { DetailsOf } from './details.ts';
import { clockStops, type OrderState, orderStatus } from './order-state.ts';

export type OrderAlarm = DetailsOf<'order.deadline_alarm'>;

/** Name under which an alarm counts as raised: again only where version or due time are others. */
export function alarmKey({ version, stage, dueAt, followUp = '' }: OrderAlarm): string {
  return `${version} ${stage} ${dueAt} ${followUp}`;
}

const isOver = (order: OrderState, at: string): boolean =>
  ['Rejected', 'Cancelled', 'Invalid', 'Expired'].includes(orderStatus(order, at));

/** How the order's deadline stands; null where it has none, was answered, or is over. */
export function orderDeadline(order: OrderState, at: string): DeadlineState | null {
  const { receivedAt, schedule } = order.details;
  if (!schedule?.deadline || order.answeredAt !== undefined || isOver(order, at)) return null;
  return currentDeadline(schedule.deadline, receivedAt, clockStops(order), at);
}

/** What had to follow an emergency, and did not in time. Nothing is released under the order any more. */
export function missedFollowUps(
  order: OrderState,
  at: string,
): { readonly id: string; readonly by: string }[] {
  const due = order.details.schedule?.followUps ?? [];
  return due.filter(({ id, by }) => at > by && !order.followedUp.includes(id));
}

/** The alarms that are due for an order at `at` and were not raised yet. */
export function alarmsDue(order: OrderState, at: string): OrderAlarm[] {
  if (order.erasedAt !== undefined) return [];
  const { version } = order.details;
  const alarms: OrderAlarm[] = [];
  const deadline = orderDeadline(order, at);
  if (deadline && !deadline.stopped) {
    const { dueAt, alarmAt } = deadline;
    if (at > dueAt) alarms.push({ version, stage: 'missed', dueAt });
    else if (at >= alarmAt) alarms.push({ version, stage: 'soon', dueAt });
  }
  const status = orderStatus(order, at);
  if (status !== 'Rejected' && status !== 'Cancelled' && status !== 'Invalid') {
    for (const { id, by } of missedFollowUps(order, at)) {
      alarms.push({ version, stage: 'follow_up_missed', dueAt: by, followUp: id });
    }
  }
  return alarms.filter((alarm) => !order.alarms.includes(alarmKey(alarm)));
}
