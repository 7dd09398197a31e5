import type { Decision } from './decision.ts';
import type { DetailsOf } from './details.ts';
import type { Role } from './roles.ts';
import { type ControlState, type Credential, credentialIsActive } from './state.ts';

/*
 * Who may hold which credential. Dual control: one administrator enrols, another person who is one
 * confirms; ending a credential takes one alone, at once. Whether the key's holder signed for the enrolment
 * is a matter of signatures, checked beside these rules.
 */

/** Longest validity of a credential. */
export const maxCredentialDays: number = 3 * 366;
const dayMs = 86_400_000;

export type EnrolmentRefusal =
  | 'credential.unknown'
  | 'credential.exists'
  | 'credential.validity'
  | 'credential.roles'
  | 'credential.revoked'
  | 'credential.certificate'
  | 'credential.confirmed'
  | 'credential.own_enrolment'
  | 'credential.confirmation_differs'
  | 'credential.last_administrator';

type Enrolled = DetailsOf<'credential.enrolled'>;
type Verdict<T = unknown> = Decision<T, EnrolmentRefusal>;
type Credentials = Pick<ControlState, 'credentials'>;

const allowed: Verdict = { ok: true };
const refuse = (code: EnrolmentRefusal): { readonly ok: false; readonly code: EnrolmentRefusal } => ({
  ok: false,
  code,
});

/**
 * Roles that one person may hold side by side. A registrar may be another order's reviewer: that nobody
 * decides on what they recorded is a rule of its own. Whoever asks, enrols, audits or deletes does nothing
 * else.
 */
const together: readonly ReadonlySet<Role>[] = [new Set<Role>(['registrar', 'reviewer'])];

function mayHoldBoth(one: Role, other: Role): boolean {
  return one === other || together.some((roles) => roles.has(one) && roles.has(other));
}

/** Whether the person's other credentials, those that wait for confirmation included, allow this role. */
function rolesAllow({ credentials }: Credentials, personId: string, role: Role, at: string): boolean {
  return [...credentials.values()].every(
    (other) =>
      other.personId !== personId ||
      other.revokedAt !== undefined ||
      other.notAfter <= at ||
      mayHoldBoth(role, other.role),
  );
}

/** Whether an administrator may enrol this; it then waits for another to confirm it. */
export function decideEnrolment(state: Credentials, draft: Enrolled, at: string): Verdict {
  const days = (Date.parse(draft.notAfter) - Date.parse(draft.notBefore)) / dayMs;
  if (days <= 0 || days > maxCredentialDays) return refuse('credential.validity');
  // So that a certificate's end needs no look at the certificate, which is not in the ledger.
  if (draft.certificate && draft.notAfter > draft.certificate.notAfter) return refuse('credential.validity');
  if (state.credentials.has(draft.thumbprint)) return refuse('credential.exists');
  return rolesAllow(state, draft.personId, draft.role, at) ? allowed : refuse('credential.roles');
}

/**
 * Whether this administrator may confirm an enrolment.
 * @param stated what they say of it; absent where that is not known any more
 */
export function decideConfirmation(
  state: Credentials,
  thumbprint: string,
  by: Credential,
  stated?: Pick<Enrolled, 'personId' | 'role'>,
): Verdict<{ credential: Credential }> {
  const credential = state.credentials.get(thumbprint);
  if (!credential) return refuse('credential.unknown');
  if (credential.revokedAt !== undefined) return refuse('credential.revoked');
  if (credential.pending === undefined) return refuse('credential.confirmed');
  // By person, not by credential: two keys of one administrator are one person's control.
  if (credential.pending.personId === by.personId) return refuse('credential.own_enrolment');
  const differs = stated && (stated.personId !== credential.personId || stated.role !== credential.role);
  return differs ? refuse('credential.confirmation_differs') : { ok: true, credential };
}

type NewKey = Pick<Enrolled, 'credentialId' | 'algorithm' | 'publicKey' | 'thumbprint' | 'passkey'> & {
  readonly possession: string;
};

/**
 * What this key becomes, if it takes the place of `by` at the word of its holder: the same person's, in the
 * same role, from now on, and to the end that administrators granted.
 */
export function decideRotation(
  state: Credentials,
  newKey: NewKey,
  by: Credential,
  at: string,
): Verdict<{ credential: Enrolled & { readonly possession: string } }> {
  if (state.credentials.has(newKey.thumbprint)) return refuse('credential.exists');
  // The new key has none, and the old one's must not be got rid of.
  if (by.certificate !== undefined) return refuse('credential.certificate');
  const { personId, role, notAfter } = by;
  return { ok: true, credential: { ...newKey, personId, role, notBefore: at, notAfter } };
}

/** Whether this credential may be ended now. */
export function decideCredentialRevocation(
  state: Credentials,
  thumbprint: string,
  at: string,
): Verdict<{ credential: Credential }> {
  const credential = state.credentials.get(thumbprint);
  if (!credential) return refuse('credential.unknown');
  if (credential.revokedAt !== undefined) return refuse('credential.revoked');
  if (isLastAdministrator(state, credential, at)) return refuse('credential.last_administrator');
  return { ok: true, credential };
}

/** Whether nobody could revoke any more without this credential. */
function isLastAdministrator({ credentials }: Credentials, credential: Credential, at: string): boolean {
  if (credential.role !== 'administrator' || !credentialIsActive(credential, at)) return false;
  return ![...credentials.values()].some(
    (other) => other.role === 'administrator' && other !== credential && credentialIsActive(other, at),
  );
}

/** The people who can act as administrators at `at`. */
export function administratorsAt({ credentials }: Credentials, at: string): ReadonlySet<string> {
  const people = new Set<string>();
  for (const credential of credentials.values()) {
    if (credential.role === 'administrator' && credentialIsActive(credential, at)) {
      people.add(credential.personId);
    }
  }
  return people;
}

/**
 * Whether the ceremony on the server's console may make this administrator: only where there are fewer than
 * two, so that nobody could confirm one. That is so at the beginning, and after a loss.
 */
export function decideCeremony(state: Credentials, draft: Enrolled, at: string): Verdict {
  const people = administratorsAt(state, at);
  if (people.size >= 2) return refuse('credential.confirmed');
  if (draft.role !== 'administrator' || people.has(draft.personId)) return refuse('credential.roles');
  return decideEnrolment(state, draft, at);
}
