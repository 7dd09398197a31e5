import type { z } from 'zod';
import {
  type ControlState,
  type Credential,
  decideOrderReading,
  type OrderState,
  openClarification,
  orderDeadline,
  orderStatus,
} from '#shared/control';
import { ApiError } from '../errors.ts';
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
    ...(order.erasedAt === undefined ? {} : { erasedAt: order.erasedAt }),
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

/** @throws ApiError `order.unknown` where it is not there, or not for this reader */
export function findOrder(
  state: ControlState,
  orderId: string,
  credential: Credential,
  at: string,
): OrderState {
  const decision = decideOrderReading(state, orderId, credential, at);
  if (!decision.ok) throw new ApiError(decision.code);
  return decision.order;
}
