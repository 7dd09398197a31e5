import { asControlEntry, type Credential, verifierOf } from '#shared/control';
import type { LedgerEntry } from '#shared/ledger';
import { parseProof } from '#shared/signed-request';
import { refused } from '../errors.ts';
import { type EntrySource, entriesFrom, type FoundEntry } from './entry-source.ts';

/** An entry in a disclosure's story, with who acted and whether their signature holds. */
export interface StoryEntry extends FoundEntry {
  /** Null for the service itself. */
  readonly by: { readonly personId: string; readonly credentialId: string; readonly role: string } | null;
  readonly signature: 'verified' | 'wrong' | 'none';
}

export interface Story {
  readonly disclosureId: string;
  readonly orderId: string;
  readonly entries: readonly StoryEntry[];
}

/** What is told of the order itself; of other disclosures under it, nothing. */
const isOfOrder = (kind: string): boolean => kind.startsWith('order.') || kind === 'case.erased';

/**
 * Everything about one disclosure: its order and who recorded and approved it, the request, the decision,
 * the package's digest, every collection and reading.
 * @throws CliError `disclosure.unknown` where no entry is about it.
 */
export async function readStory(source: EntrySource, disclosureId: string): Promise<Story> {
  const own = await all(source, [disclosureId]);
  const orderId = own.map(({ entry }) => entry.details.orderId).find((id) => typeof id === 'string');
  if (typeof orderId !== 'string') {
    throw refused('disclosure.unknown', 'no entry is about this disclosure; check its id');
  }
  const ofOrder = (await all(source, [orderId])).filter(({ entry }) => isOfOrder(entry.kind));
  const entries = [...ofOrder, ...own].sort((a, b) => a.index - b.index);
  const credentials = await credentialsOf(source, entries);
  return {
    disclosureId,
    orderId,
    entries: await Promise.all(entries.map((found) => tell(found, credentials))),
  };
}

async function all(source: EntrySource, about: string[]): Promise<FoundEntry[]> {
  const found: FoundEntry[] = [];
  for await (const entry of entriesFrom(source, { about })) found.push(entry);
  return found;
}

/** As they were enrolled. Ten people or so act in one disclosure; a search takes sixteen at once. */
async function credentialsOf(
  source: EntrySource,
  entries: readonly FoundEntry[],
): Promise<ReadonlyMap<string, Credential>> {
  const wanted = new Set(
    entries.flatMap(({ entry }) => ('credential' in entry.actor ? [entry.actor.credential] : [])),
  );
  const credentials = new Map<string, Credential>();
  const thumbprints = [...wanted];
  for (let i = 0; i < thumbprints.length; i += 16) {
    const about = thumbprints.slice(i, i + 16);
    const filter = { about, kinds: ['credential.enrolled' as const, 'credential.rotated' as const] };
    for await (const { index, entry } of entriesFrom(source, filter)) {
      const control = asControlEntry(index, entry);
      if (control.kind === 'credential.enrolled' || control.kind === 'credential.rotated')
        credentials.set(control.details.thumbprint, control.details);
    }
  }
  return credentials;
}

async function tell(
  { index, entry }: FoundEntry,
  credentials: ReadonlyMap<string, Credential>,
): Promise<StoryEntry> {
  const credential = 'credential' in entry.actor ? credentials.get(entry.actor.credential) : undefined;
  const by = credential
    ? { personId: credential.personId, credentialId: credential.credentialId, role: credential.role }
    : null;
  return { index, entry, by, signature: await signatureOf(entry, credential) };
}

async function signatureOf(
  { evidence }: LedgerEntry,
  credential: Credential | undefined,
): Promise<StoryEntry['signature']> {
  if (evidence === undefined) return 'none';
  const parsed = parseProof(evidence);
  if (!credential || !parsed.ok || parsed.proof.kid !== credential.thumbprint) return 'wrong';
  const verify = await verifierOf(credential);
  return (await verify(parsed.proof.jws)) ? 'verified' : 'wrong';
}
