import { broadTargetKinds, type Order } from '#shared/orders';
import type { DetailsOf } from './details.ts';

/** What the ledger says of a version of an order: nothing that names anybody. */
export function orderDetails(
  order: Order,
  version: number,
  documentSignature?: DetailsOf<'order.recorded'>['documentSignature'],
): DetailsOf<'order.recorded'> {
  const { targets } = order.scope;
  return {
    version,
    regime: order.regime,
    regimeVersion: order.regimeVersion,
    type: order.type,
    issuingState: order.issuingState,
    emergency: order.emergency !== undefined,
    categories: [...order.scope.categories],
    targetCount: targets.length,
    broadTargetCount: targets.filter(({ kind }) => broadTargetKinds.has(kind)).length,
    ...(order.type === 'preserve' ? { issuedAt: order.issuedAt } : {}),
    receivedAt: order.receivedAt,
    validUntil: order.validUntil,
    schedule: scheduleDetails(order.schedule),
    ...(order.preservedUnder === undefined ? {} : { preservedUnder: order.preservedUnder }),
    ...(documentSignature ? { documentSignature } : {}),
  };
}

function scheduleDetails({ followUps, ...rest }: Order['schedule']): DetailsOf<'order.recorded'>['schedule'] {
  return { ...rest, ...(followUps ? { followUps: [...followUps] } : {}) };
}
