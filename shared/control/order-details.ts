import type { Order } from '#shared/orders';
import type { DetailsOf } from './details.ts';

/** What `order.recorded` says of an order: nothing that names anybody. */
export function orderDetails(order: Order): DetailsOf<'order.recorded'> {
  return {
    version: 1,
    regime: order.regime,
    regimeVersion: order.regimeVersion,
    type: order.type,
    issuingState: order.issuingState,
    emergency: order.emergency !== undefined,
    categories: [...order.scope.categories],
    targetCount: order.scope.targets.length,
    receivedAt: order.receivedAt,
    validUntil: order.validUntil,
  };
}
