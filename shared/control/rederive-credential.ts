import type { ControlEntry } from './entry.ts';
import { contradicts, follows, type Rederived, unknowable } from './rederived.ts';
import { revocationStanding } from './revocation.ts';
import type { ControlState, Credential } from './state.ts';

type CredentialChange = ControlEntry<`credential.${'enrolled' | 'confirmed' | 'rotated' | 'revoked'}`>;

export const ofItsCredential = ({ subject, details }: CredentialChange): Rederived =>
  subject === details.thumbprint ? follows : contradicts('is about another credential than it says');

/** Certificates of a key that is enrolled were looked up on every list that had to be there. */
export function rederiveEnrolment(
  state: ControlState,
  entry: ControlEntry<'credential.enrolled'>,
): Rederived {
  const { certificate } = entry.details;
  const subject = ofItsCredential(entry);
  if (subject.outcome !== 'follows' || certificate === undefined) return subject;
  const standing = revocationStanding(state, entry.details, entry.at);
  if (!standing.ok) return contradicts('enrols a certificate for which there was no current revocation list');
  const isListed = certificate.links?.some(({ issuer }) => state.revocationLists.has(issuer)) ?? false;
  return isListed && state.configuration?.revocation !== undefined ? unknowable('revocation_list') : follows;
}

/**
 * Whether a refusal for a hold, or for want of a list, is borne out.
 * @param of `earlier`: when the request may have been judged already, before it was recorded
 */
export function holdsForLists(
  state: ControlState,
  at: string,
  credential: Credential,
  of: { readonly code: 'proof.certificate_held' | 'proof.revocation_unknown'; readonly earlier: string },
): boolean {
  const { code, earlier } = of;
  const standing = revocationStanding(state, credential, at);
  const why = code === 'proof.certificate_held' ? 'held' : 'unknown';
  if (!standing.ok && standing.why === why) return true;
  // Until a list was taken, after the request had been judged.
  const links = credential.certificate?.links ?? [];
  return links.some(({ issuer }) => (state.revocationLists.get(issuer)?.takenAt ?? '') >= earlier);
}
