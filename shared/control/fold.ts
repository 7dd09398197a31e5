import { parseStrictJson } from '#shared/runtime';
import { parseProof, proofClaimsSchema, proofRememberSeconds } from '#shared/signed-request';
import { holdsInForce } from './decide-hold.ts';
import type { EntryKind } from './details.ts';
import { decideDiskKey } from './disk-keys.ts';
import { type AnyControlEntry, ControlError } from './entry.ts';
import { decideErasure } from './erasure.ts';
import { foldCredential, foldRevocationList } from './fold-credentials.ts';
import { foldHold } from './fold-hold.ts';
import { isOrderEntry, nextOrder, type OrderEntry, withEstimate } from './fold-order.ts';
import { withoutAlarm } from './pattern-alarms.ts';
import { observe } from './patterns.ts';
import { believedTime, decideRetention, type RetentionDraft } from './retention.ts';
import { type Role, roles } from './roles.ts';
import { type ControlState, credentialIsActive, type Person, personOf } from './state.ts';

/**
 * Folds one entry into the state (in place; returns it). Deterministic: the state is a function of the
 * entries alone. An entry that could not have been written by the rules is refused, so that a ledger made
 * by other means does not become rights.
 * @throws ControlError
 */
export function foldEntry(state: ControlState, entry: AnyControlEntry): ControlState {
  const index = state.size;
  checkAuthority(state, entry, index);
  const proof = usedProofOf(entry, index);
  const observed = observe(state, entry);
  applyKind(state, entry, index);
  for (const [key, tally] of observed.tallies) state.patternTallies.set(key, tally);
  if (observed.due.length > 0) state.alarmsDue = [...state.alarmsDue, ...observed.due];
  state.counts.set(entry.kind, (state.counts.get(entry.kind) ?? 0) + 1);
  state.size = index + 1;
  if (entry.at > state.latestAt) state.latestAt = entry.at;
  const isUse = 'credential' in entry.actor && proof !== null && entry.kind !== 'access.refused';
  if (isUse) state.lastUse.set(entry.actor.credential, entry.at);
  // By a person, whose clock is another one: that of the retention service may be the service's own.
  const byPerson = 'credential' in entry.actor && entry.actor.role !== 'retention';
  const signed = byPerson && entry.evidence !== undefined && entry.kind !== 'access.refused';
  if (signed) state.signedSize = state.size;
  state.believedAt = believedTime(state.believedAt, { at: entry.at, signed });
  if (proof) rememberProof(state, proof);
  return state;
}

/** Which roles may cause which kinds; kinds that only the service itself writes have none. */
const authority: Readonly<Record<EntryKind, readonly Role[]>> = {
  'ledger.started': [],
  'ledger.voided': [],
  'configuration.changed': [],
  'ledger.key_rotated': [],
  'revocation_list.taken': [],
  'credential.enrolled': ['administrator'],
  'credential.confirmed': ['administrator'],
  'credential.rotated': roles,
  'credential.revoked': ['administrator'],
  'order.recorded': ['registrar'],
  'order.amended': ['registrar'],
  'order.estimated': [],
  'order.approved': ['reviewer'],
  'order.rejected': ['reviewer'],
  'order.suspended': ['registrar', 'reviewer'],
  'order.resumed': ['reviewer'],
  'order.revoked': ['registrar', 'reviewer'],
  'order.expired': [],
  'order.clarification_asked': ['registrar', 'reviewer'],
  'order.clarification_answered': ['registrar', 'reviewer'],
  'order.notification_answered': ['registrar', 'reviewer'],
  'order.followed_up': ['registrar', 'reviewer'],
  'order.deadline_alarm': [],
  'case.erased': ['reviewer'],
  'disclosure.requested': ['officer'],
  'disclosure.refused': ['officer'],
  'disclosure.released': [],
  'disclosure.failed': [],
  'disclosure.cancelled': ['officer'],
  'disclosure.interrupted': [],
  'disclosure.collected': ['officer'],
  'hold.placed': [],
  'hold.copied': ['retention'],
  'hold.extended': ['reviewer'],
  'hold.lifted': ['reviewer'],
  'hold.ended': ['retention'],
  'hold.deleted': ['retention'],
  'retention.configured': ['retention'],
  'retention.started': ['retention'],
  'retention.certified': ['retention'],
  'retention.overdue': ['retention'],
  'retention.reconciled': ['retention'],
  'retention.package_removed': [],
  'disk_key.created': ['retention'],
  'disk_key.retired': ['retention'],
  'disk_key.destroyed': ['retention'],
  'pattern.alarm': [],
  'access.granted': roles,
  'access.refused': roles,
  'access.noise': [],
};

/**
 * Whether the entry's actor could cause it: an enrolled credential of the right role, valid at the time, or
 * the service itself for the kinds that are its own.
 */
function checkAuthority(state: ControlState, entry: AnyControlEntry, index: number): void {
  const allowed = authority[entry.kind];
  if ('service' in entry.actor) {
    // Administrators made on the console have rules of their own, the one of the old form its one place.
    const isBootstrap =
      entry.kind === 'credential.enrolled' && (index <= 1 || entry.details.possession !== undefined);
    // In one process with the ledger the retention service needs no credential of its own.
    const isRetention = allowed.includes('retention') && !entry.kind.startsWith('access.');
    if (allowed.length > 0 && !isBootstrap && !isRetention)
      throw new ControlError(index, 'no service can cause it');
    return;
  }
  const credential = state.credentials.get(entry.actor.credential);
  if (!credential) throw new ControlError(index, 'its actor is not enrolled');
  if (credential.role !== entry.actor.role || !allowed.includes(credential.role)) {
    throw new ControlError(index, 'its actor has not the role for it');
  }
  // A refusal is told of a credential that may no longer act: that is what was refused.
  if (entry.kind !== 'access.refused' && !credentialIsActive(credential, entry.at)) {
    throw new ControlError(index, 'its actor could not act at that time');
  }
}

type UsedProof = NonNullable<ReturnType<typeof proofKeyOf>>;

/** Every entry that carries a signed request uses that request up. */
function usedProofOf({ evidence }: AnyControlEntry, index: number): UsedProof | null {
  if (evidence === undefined) return null;
  const proof = proofKeyOf(evidence);
  if (proof === null) throw new ControlError(index, 'its evidence is no signed request');
  return proof;
}

function rememberProof(state: ControlState, { name, issuedAt }: UsedProof): void {
  // By the time that the ledger bears out: one set ahead and back would make a used request usable again.
  const nowSeconds = Math.floor(Date.parse(state.believedAt) / 1000);
  // The map is in order of arrival, so the oldest are forgotten first; at most two minutes are kept.
  for (const [used, until] of state.usedProofs) {
    if (until >= nowSeconds) break;
    state.usedProofs.delete(used);
  }
  state.usedProofs.set(name, issuedAt + proofRememberSeconds);
}

/** Name under which a proof is remembered, or null where the text is no proof. */
export function proofKeyOf(evidence: string): { name: string; issuedAt: number } | null {
  const parsed = parseProof(evidence);
  if (!parsed.ok) return null;
  const { jws, kid } = parsed.proof;
  const payload = parseStrictJson(jws.payload);
  const claims = proofClaimsSchema.safeParse(payload.ok ? payload.value : undefined);
  if (!claims.success) return null;
  return { name: `${kid} ${claims.data.jti}`, issuedAt: claims.data.iat };
}

function applyKind(state: ControlState, entry: AnyControlEntry, index: number): void {
  const subject = (): string => {
    if (entry.subject === undefined) throw new ControlError(index, 'it has no subject');
    return entry.subject;
  };
  const actor = (): Person => {
    const credential =
      'credential' in entry.actor ? state.credentials.get(entry.actor.credential) : undefined;
    if (!credential) throw new ControlError(index, 'its actor is not enrolled');
    return personOf(credential);
  };
  if (isOrderEntry(entry)) {
    foldOrder(state, entry, index);
    return;
  }
  switch (entry.kind) {
    case 'ledger.started':
      if (index !== 0) throw new ControlError(index, 'the ledger had started already');
      state.configuration = entry.details;
      return;
    case 'configuration.changed':
      state.configuration = entry.details;
      return;
    case 'ledger.key_rotated': {
      const { from, to } = entry.details;
      // The first key is named by no entry: those who verify the ledger hold it against the one they know.
      if (from === to || (state.keyRotations.at(-1)?.to ?? from) !== from)
        throw new ControlError(index, 'the key that it replaces was not in use');
      state.keyRotations = [...state.keyRotations, { index, from, to }];
      return;
    }
    case 'credential.enrolled':
    case 'credential.confirmed':
    case 'credential.rotated':
    case 'credential.revoked':
      foldCredential(state, entry, index);
      return;
    case 'revocation_list.taken':
      foldRevocationList(state, entry, index);
      return;
    case 'case.erased': {
      const decision = decideErasure(state, subject(), actor(), entry.at);
      if (!decision.ok) throw new ControlError(index, `the rules of erasure refuse it (${decision.code})`);
      state.orders.set(subject(), { ...decision.order, erasedAt: entry.at });
      return;
    }
    case 'disclosure.requested':
      if (!state.orders.has(entry.details.orderId))
        throw new ControlError(index, 'its order is not recorded');
      state.disclosures.set(subject(), {
        disclosureId: subject(),
        orderId: entry.details.orderId,
        orderVersion: entry.details.orderVersion,
        requestedAt: entry.at,
        requestedBy: actor(),
        commitments: entry.commitments ?? {},
        ...(entry.details.whole ? { whole: true } : {}),
        status: 'AwaitingDisclosure',
        collections: 0,
      });
      return;
    case 'disclosure.released': {
      const { completeness } = entry.details;
      const released = { index, at: entry.at, details: entry.details };
      const status = completeness === 'none' ? 'DisclosureNotAvailable' : 'Disclosed';
      updateDisclosure(state, index, subject(), (d) => ({ ...openDisclosure(d, index), status, released }));
      noteRelease(state, entry.details.orderId, entry.at);
      return;
    }
    case 'disclosure.failed': {
      const failure = entry.details.code;
      updateDisclosure(state, index, subject(), (d) => ({
        ...openDisclosure(d, index),
        status: 'Error',
        failure,
      }));
      return;
    }
    case 'disclosure.cancelled':
      updateDisclosure(state, index, subject(), (d) => ({
        ...openDisclosure(d, index),
        status: 'Cancelled',
      }));
      return;
    case 'disclosure.interrupted':
      updateDisclosure(state, index, subject(), (d) => openDisclosure(d, index));
      return;
    case 'disclosure.collected':
      updateDisclosure(state, index, subject(), (d) => ({ ...d, collections: d.collections + 1 }));
      noteCollection(state, state.disclosures.get(subject()), entry.at);
      return;
    case 'hold.placed':
    case 'hold.copied':
    case 'hold.extended':
    case 'hold.lifted':
    case 'hold.ended':
    case 'hold.deleted':
      foldHold(state, entry, subject(), index);
      return;
    case 'retention.configured':
    case 'retention.started':
    case 'retention.certified':
    case 'retention.overdue':
    case 'retention.reconciled': {
      const decision = decideRetention(
        state.retention,
        retentionDraft(entry, subject),
        entry.at,
        holdsInForce(state, entry.at),
      );
      if (!decision.ok) throw new ControlError(index, `the rules of expiry refuse it (${decision.code})`);
      state.retention = decision.state;
      return;
    }
    case 'disk_key.created':
    case 'disk_key.retired':
    case 'disk_key.destroyed': {
      const decision = decideDiskKey(state.diskKeys, entry, entry.at);
      if (!decision.ok)
        throw new ControlError(index, `the rules of the disk's keys refuse it (${decision.code})`);
      state.diskKeys = decision.keys;
      return;
    }
    case 'pattern.alarm': {
      const { pattern } = entry.details;
      state.alarmsDue = withoutAlarm(state.alarmsDue, entry.details);
      state.alarmsRaised.set(pattern, (state.alarmsRaised.get(pattern) ?? 0) + 1);
      return;
    }
    case 'retention.package_removed':
      updateDisclosure(state, index, subject(), (d) => {
        if (!d.released || d.packageRemovedAt !== undefined) {
          throw new ControlError(index, 'its package was not on the server');
        }
        return { ...d, packageRemovedAt: entry.at };
      });
      return;
    case 'ledger.voided':
    case 'disclosure.refused':
    case 'access.granted':
    case 'access.refused':
    case 'access.noise':
      return;
  }
}

function retentionDraft(
  entry: Extract<AnyControlEntry, { kind: RetentionDraft['kind'] }>,
  subject: () => string,
): RetentionDraft {
  return entry.kind === 'retention.started' || entry.kind === 'retention.certified'
    ? ({ kind: entry.kind, subject: subject(), details: entry.details } as RetentionDraft)
    : entry;
}

function foldOrder(state: ControlState, entry: OrderEntry, index: number): void {
  const { subject, actor } = entry;
  if (subject === undefined) throw new ControlError(index, 'it has no subject');
  const credential = 'credential' in actor ? state.credentials.get(actor.credential) : undefined;
  const by = credential === undefined ? null : personOf(credential);
  const order = nextOrder(state.orders.get(subject), entry, by, index);
  if (entry.kind !== 'order.estimated') {
    state.orders.set(subject, order);
    return;
  }
  const shownTo = state.credentials.get(entry.details.shownTo);
  if (!shownTo) throw new ControlError(index, 'who was shown it is not enrolled');
  state.orders.set(subject, withEstimate(order, shownTo.personId, entry.details));
}

/** The order was answered by its first release. */
function noteRelease(state: ControlState, orderId: string, at: string): void {
  const order = state.orders.get(orderId);
  if (order && order.answeredAt === undefined) state.orders.set(orderId, { ...order, answeredAt: at });
}

/** All that the order asks for is in the hands of who asked, in the version that is in force. */
function noteCollection(state: ControlState, disclosure: Disclosure | undefined, at: string): void {
  const order = state.orders.get(disclosure?.orderId ?? '');
  if (disclosure?.whole !== true || order === undefined || order.fulfilledAt !== undefined) return;
  if (disclosure.orderVersion !== order.details.version) return;
  state.orders.set(order.orderId, { ...order, fulfilledAt: at });
}

type Disclosure = ControlState['disclosures'] extends Map<string, infer D> ? D : never;

/** A disclosure ends once: by its release, its failure or its cancellation. */
function openDisclosure(disclosure: Disclosure, index: number): Disclosure {
  if (disclosure.status !== 'AwaitingDisclosure')
    throw new ControlError(index, 'its disclosure had ended already');
  return disclosure;
}

function updateDisclosure(
  state: ControlState,
  index: number,
  id: string,
  update: (disclosure: Disclosure) => Disclosure,
): void {
  const disclosure = state.disclosures.get(id);
  if (!disclosure) throw new ControlError(index, 'its disclosure was not requested');
  state.disclosures.set(id, update(disclosure));
}
