import { pairs } from './output.ts';
import type { OrderStatusView } from './views.ts';

/** How an order stands, for people. */
export function orderLines(order: OrderStatusView): string[] {
  return pairs({
    order: order.orderId,
    version: order.version,
    status: order.status,
    regime: `${order.regime}, ${order.type}, issued in ${order.issuingState}`,
    emergency: order.emergency ? 'yes' : undefined,
    targets: targetsOf(order),
    categories: order.categories.join(', '),
    received: order.receivedAt,
    due: dueText(order),
    'release waits until': order.releaseWaitsUntil,
    'clarification asked': order.clarificationAskedAt,
    ...Object.fromEntries(
      (order.followUps ?? []).map(({ id, by, done }) => [`must follow: ${id}`, done ? 'done' : `by ${by}`]),
    ),
    'valid until': order.validUntil,
    recorded: order.recordedAt,
    decided: order.decidedAt,
    'document signature': signatureText(order),
  });
}

/** When the data are due, and whether the clock stands still; undefined where nothing is due. */
export function dueText({ deadline }: OrderStatusView): string | undefined {
  if (deadline === undefined) return undefined;
  if (deadline.missed) return `${deadline.dueAt}, missed`;
  return deadline.stopped ? `${deadline.dueAt} and later: the clock stands still` : deadline.dueAt;
}

function targetsOf({ targetCount, broadTargetCount = 0 }: OrderStatusView): string {
  return broadTargetCount === 0
    ? String(targetCount)
    : `${targetCount}, of which ${broadTargetCount} reach people whom nobody named`;
}

function signatureText({ documentSignature: found }: OrderStatusView): string | undefined {
  return found === undefined ? undefined : [found.state, found.reason].filter(Boolean).join(', ');
}
