import { type ControlState, type Credential, type DisclosureState, isForeign } from '#shared/control';
import { ApiError } from '../errors.ts';

/** An officer sees their own disclosures only. */
export function findDisclosure(state: ControlState, id: string, credential: Credential): DisclosureState {
  const disclosure = state.disclosures.get(id);
  if (!disclosure) throw new ApiError('disclosure.unknown');
  if (isForeign(disclosure, credential)) throw new ApiError('disclosure.not_yours');
  return disclosure;
}

/** What a disclosure's officer, and auditors, see of it. */
export function viewOf({ released, ...disclosure }: DisclosureState, ready: boolean) {
  return {
    disclosureId: disclosure.disclosureId,
    orderId: disclosure.orderId,
    status: disclosure.status,
    requestedAt: disclosure.requestedAt,
    ...(released
      ? {
          releasedAt: released.at,
          packageId: released.details.packageId,
          records: released.details.records,
          completeness: released.details.completeness,
          manifestSha256: released.details.manifestSha256,
        }
      : {}),
    ready,
  };
}
