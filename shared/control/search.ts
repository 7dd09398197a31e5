import { z } from 'zod';
import type { LedgerEntry } from '#shared/ledger';
import { utcTimestamp } from '#shared/traffic';
import { type EntryKind, entryDetails, labelSchema, thumbprintSchema } from './details.ts';
import type { Credential } from './state.ts';

/** How an entry's matter ended. */
export const outcomes = ['done', 'refused', 'failed'] as const;
export type Outcome = (typeof outcomes)[number];

const kinds = Object.keys(entryDetails) as [EntryKind, ...EntryKind[]];
const maxIds = 16;

/** What an auditor looks for. Members are joined by "and"; those that are absent allow everything. */
export const entryFilterSchema = z.strictObject({
  /** First and last instant, RFC 3339 UTC with milliseconds, both included. */
  from: utcTimestamp.optional(),
  to: utcTimestamp.optional(),
  /** Ids of orders, disclosures or credentials that the entry is about, any of them. */
  about: z
    .array(z.union([z.uuid({ version: 'v7' }), thumbprintSchema]))
    .min(1)
    .max(maxIds)
    .optional(),
  /** Thumbprint or id of a credential, id of a person, or name of a service. */
  actor: z.union([thumbprintSchema, labelSchema]).optional(),
  kinds: z.array(z.enum(kinds)).min(1).max(kinds.length).optional(),
  outcome: z.enum(outcomes).optional(),
});
export type EntryFilter = z.infer<typeof entryFilterSchema>;

export function outcomeOf(kind: string): Outcome {
  if (kind === 'disclosure.failed' || kind === 'disclosure.interrupted') return 'failed';
  return kind === 'disclosure.refused' || kind === 'access.refused' || kind === 'access.noise'
    ? 'refused'
    : 'done';
}

type Searched = Pick<LedgerEntry, 'kind' | 'at' | 'actor' | 'subject' | 'evidence' | 'details'>;

/**
 * The filter as a test of single entries.
 * @param credentials the enrolled ones by thumbprint, among which an actor is looked up by id or person; may
 * grow while entries are tested
 */
export function entryMatcher(
  filter: EntryFilter,
  credentials: ReadonlyMap<string, Pick<Credential, 'credentialId' | 'personId'>>,
): (entry: Searched) => boolean {
  const { from, to, about, actor, kinds: wanted, outcome } = filter;
  const isBy = (thumbprint: string): boolean => {
    const { credentialId, personId } = credentials.get(thumbprint) ?? {};
    return actor === thumbprint || actor === credentialId || actor === personId;
  };
  return (entry) =>
    (from === undefined || entry.at >= from) &&
    (to === undefined || entry.at <= to) &&
    (wanted === undefined || wanted.some((kind) => kind === entry.kind)) &&
    (outcome === undefined || outcomeOf(entry.kind) === outcome) &&
    (actor === undefined ||
      ('service' in entry.actor ? entry.actor.service === actor : isBy(entry.actor.credential))) &&
    (about === undefined || isAbout(entry, about));
}

/** Whether an entry names one of the ids, or the request that caused it does in its URL. */
function isAbout({ subject, details, evidence }: Searched, ids: readonly string[]): boolean {
  const names = [subject, details.orderId, details.thumbprint];
  if (ids.some((id) => names.includes(id))) return true;
  if (evidence === undefined) return false;
  // The claims' text is enough: nothing but the URL has slashes before an id.
  const claims = Buffer.from(evidence.split('.', 2)[1] ?? '', 'base64url').toString('latin1');
  return ids.some((id) => claims.includes(`/${id}`));
}
