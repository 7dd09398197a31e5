import type { Decision } from './decision.ts';
import type { ControlState, Credential, DisclosureState } from './state.ts';

export type CancellationRefusal = 'disclosure.unknown' | 'disclosure.not_yours' | 'disclosure.ended';

/** Whether a disclosure is another officer's: each sees and handles their own only. */
export function isForeign(disclosure: DisclosureState, credential: Credential): boolean {
  return credential.role === 'officer' && disclosure.requestedBy.personId !== credential.personId;
}

/**
 * Whether this credential's person may cancel the disclosure now: the officer who asked for it, as long as
 * no package was announced. What is announced may have been fetched, and cannot be called back.
 */
export function decideCancellation(
  state: Pick<ControlState, 'disclosures'>,
  disclosureId: string,
  credential: Credential,
): Decision<{ disclosure: DisclosureState }, CancellationRefusal> {
  const disclosure = state.disclosures.get(disclosureId);
  if (!disclosure) return { ok: false, code: 'disclosure.unknown' };
  if (isForeign(disclosure, credential)) return { ok: false, code: 'disclosure.not_yours' };
  if (disclosure.status !== 'AwaitingDisclosure') return { ok: false, code: 'disclosure.ended' };
  return { ok: true, disclosure };
}
