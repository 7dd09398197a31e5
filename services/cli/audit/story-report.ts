import { pairs } from '../output.ts';
import type { Story, StoryEntry } from './story.ts';

/** What each kind means in a story. Kinds that are not here are named. */
const sentences: Readonly<Record<string, string>> = {
  'order.recorded': 'order recorded',
  'order.approved': 'order approved',
  'order.rejected': 'order rejected',
  'order.amended': 'next version of the order recorded',
  'order.estimated': 'counts shown to a reviewer',
  'order.suspended': 'order suspended',
  'order.resumed': 'order resumed',
  'order.revoked': 'order ended',
  'order.expired': 'order expired',
  'order.clarification_asked': 'authority asked to clarify',
  'order.clarification_answered': 'authority has clarified',
  'order.notification_answered': 'notified authority has answered',
  'order.followed_up': 'what had to follow the emergency was done',
  'order.deadline_alarm': 'alarm about a time of the order',
  'case.erased': 'case of the order erased',
  'disclosure.requested': 'disclosure requested and allowed',
  'disclosure.refused': 'disclosure requested and refused',
  'disclosure.released': 'package announced',
  'disclosure.failed': 'no package could be made',
  'disclosure.cancelled': 'disclosure cancelled: nothing was released',
  'disclosure.interrupted': 'making the package was interrupted: what was made is thrown away',
  'disclosure.collected': 'package collected',
  'access.granted': 'read',
  'access.refused': 'access refused',
};

export function storyResult({ disclosureId, orderId, entries }: Story): object {
  return {
    disclosureId,
    orderId,
    entries: entries.map(({ index, entry, by, signature }) => ({ index, by, signature, entry })),
  };
}

export function storyLines({ disclosureId, orderId, entries }: Story): string[] {
  return [
    ...pairs({ disclosure: disclosureId, order: orderId }),
    ...entries.flatMap(entryLines),
    '',
    'Read, not verified: griffie audit verify shows that nothing is missing or changed.',
  ];
}

function entryLines({ index, entry, by, signature }: StoryEntry): string[] {
  const { kind, at, actor, details, commitments = {} } = entry;
  const who = by
    ? `${by.role} ${by.personId} (credential ${by.credentialId})`
    : 'service' in actor
      ? actor.service
      : actor.credential;
  const facts = Object.entries({ ...details, ...prefixed(commitments) })
    .filter(([name]) => name !== 'orderId')
    .map(([name, value]) => [`  ${name}`, typeof value === 'object' ? JSON.stringify(value) : String(value)]);
  return [
    '',
    `${at}  ${sentences[kind] ?? kind} by ${who}, entry ${index}`,
    ...pairs(Object.fromEntries([...facts, ['  signed request', signatureText(signature)]])),
  ];
}

function prefixed(commitments: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(commitments).map(([name, digest]) => [`digest of ${name}`, digest]),
  );
}

function signatureText(signature: StoryEntry['signature']): string | undefined {
  if (signature === 'none') return undefined;
  return signature === 'verified' ? "verified with the actor's key" : "NOT by the actor's key";
}
