import { isDeepStrictEqual } from 'node:util';
import { decideCeremony, decideConfirmation, decideEnrolment, decideRotation } from './enrolment.ts';
import { type ControlEntry, ControlError } from './entry.ts';
import { decideList, withList } from './revocation.ts';
import { type ControlState, type Credential, personOf } from './state.ts';

type CredentialEntry =
  | ControlEntry<'credential.enrolled'>
  | ControlEntry<'credential.confirmed'>
  | ControlEntry<'credential.rotated'>
  | ControlEntry<'credential.revoked'>;

/**
 * Folds an entry about a credential into the state, in place.
 * @throws ControlError where the rules of enrolment do not allow it.
 */
export function foldCredential(state: ControlState, entry: CredentialEntry, index: number): void {
  const { credentials } = state;
  const actor = 'credential' in entry.actor ? credentials.get(entry.actor.credential) : undefined;
  switch (entry.kind) {
    case 'credential.enrolled':
      credentials.set(entry.details.thumbprint, enrolled(state, entry, actor, index));
      if (entry.details.possession !== undefined) state.dualControl = true;
      return;
    case 'credential.confirmed': {
      const { details } = entry;
      const decision = actor && decideConfirmation(state, details.thumbprint, actor, details);
      if (!decision?.ok) throw refused(index, decision?.code ?? 'access.role');
      const { pending: _, ...confirmed } = decision.credential;
      credentials.set(details.thumbprint, { ...confirmed, confirmedAt: entry.at });
      return;
    }
    case 'credential.rotated': {
      const { previous, ...next } = entry.details;
      if (actor?.thumbprint !== previous)
        throw new ControlError(index, 'another key than the old one signed it');
      const decision = decideRotation(state, next, actor, entry.at);
      if (!decision.ok) throw refused(index, decision.code);
      if (!isDeepStrictEqual(next, decision.credential))
        throw new ControlError(index, 'a rotation gives no other rights');
      credentials.set(previous, { ...actor, revokedAt: entry.at, replacedBy: next.thumbprint });
      credentials.set(next.thumbprint, next);
      return;
    }
    case 'credential.revoked': {
      const credential = credentials.get(entry.details.thumbprint);
      if (!credential) throw new ControlError(index, 'its credential is not enrolled');
      if (credential.revokedAt !== undefined)
        throw new ControlError(index, 'its credential was revoked already');
      credentials.set(credential.thumbprint, { ...credential, revokedAt: entry.at });
      return;
    }
  }
}

/**
 * Folds a revocation list that was taken into use, in place: credentials whose certificates it revokes for
 * good have ended.
 * @throws ControlError where the rules do not allow it
 */
export function foldRevocationList(
  state: ControlState,
  { at, details }: ControlEntry<'revocation_list.taken'>,
  index: number,
): void {
  const decision = decideList(state, details, at);
  if (!decision.ok)
    throw new ControlError(index, `the rules of revocation lists refuse it (${decision.code})`);
  const after = withList(state, details, at, index);
  if (after === null)
    throw new ControlError(index, 'it revokes what is not its authority’s, or not in force');
  state.revocationLists.set(details.authority, after.list);
  for (const credential of after.ended) state.credentials.set(credential.thumbprint, credential);
}

/** What an enrolment leads to: a credential that waits, or one that is in force at once. */
function enrolled(
  state: ControlState,
  { at, details }: ControlEntry<'credential.enrolled'>,
  actor: Credential | undefined,
  index: number,
): Credential {
  if (state.credentials.has(details.thumbprint)) throw new ControlError(index, 'its key is enrolled already');
  if (details.possession === undefined) {
    if (state.dualControl) throw new ControlError(index, 'its holder has not signed for it');
    return details;
  }
  const decision = actor ? decideEnrolment(state, details, at) : decideCeremony(state, details, at);
  if (!decision.ok) throw refused(index, decision.code);
  return actor ? { ...details, pending: personOf(actor) } : details;
}

const refused = (index: number, code: string): ControlError =>
  new ControlError(index, `the rules of enrolment refuse it (${code})`);
