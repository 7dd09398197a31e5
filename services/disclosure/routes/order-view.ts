import type { z } from 'zod';
import { type OrderState, openClarification, orderDeadline, orderStatus } from '#shared/control';
import type { orderStatusView } from './order-schemas.ts';

/** How an order stands at `at`, for everybody who may know of it. */
export function orderStatusOf(order: OrderState, at: string): z.infer<typeof orderStatusView> {
  const { regimeVersion: _, schedule, categories, ...details } = order.details;
  const deadline = orderDeadline(order, at);
  const asked = openClarification(order);
  const waitUntil = order.notificationAnswer === undefined ? schedule?.notification?.waitUntil : undefined;
  return {
    orderId: order.orderId,
    ...details,
    categories: [...categories],
    status: orderStatus(order, at),
    recordedAt: order.recordedAt,
    ...(order.decision ? { decidedAt: order.decision.at } : {}),
    ...(deadline
      ? { deadline: { dueAt: deadline.dueAt, stopped: deadline.stopped, missed: at > deadline.dueAt } }
      : {}),
    ...(waitUntil === undefined ? {} : { releaseWaitsUntil: waitUntil }),
    ...(asked ? { clarificationAskedAt: asked.askedAt } : {}),
    ...(schedule?.followUps
      ? {
          followUps: schedule.followUps.map(({ id, by }) => ({
            id,
            by,
            done: order.followedUp.includes(id),
          })),
        }
      : {}),
  };
}
