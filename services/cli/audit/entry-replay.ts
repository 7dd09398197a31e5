import {
  type AnyControlEntry,
  asControlEntry,
  ControlError,
  type ControlState,
  type Credential,
  type EntryKind,
  emptyState,
  foldEntry,
} from '#shared/control';
import { decodeEntry, LedgerError, type LedgerReader, parseTilePath, type TileName } from '#shared/ledger';
import {
  isSignatureAlgorithm,
  parseCompact,
  proofLimits,
  validatePublicJwk,
  verifyCompact,
} from '#shared/signed-request';

/** An entry that the rules could not have written. */
export interface ReplayProblem {
  readonly code: 'entry.unreadable' | 'entry.impossible' | 'entry.evidence';
  /** For a person; names the entry by its index, never what it says. */
  readonly sentence: string;
}

export interface ReplayReport {
  /** Entries that follow from those before them. */
  readonly entries: number;
  readonly counts: Readonly<Partial<Record<EntryKind, number>>>;
  /** Entries whose signed request was verified with the key that was enrolled for its actor. */
  readonly signaturesVerified: number;
  /** The first entry that does not follow; what comes after it says nothing any more. */
  readonly problem: ReplayProblem | null;
}

/** Kinds that only a person may cause: without that person's signed request they are nobody's act. */
const signedKinds: ReadonlySet<EntryKind> = new Set<EntryKind>([
  'credential.revoked',
  'order.recorded',
  'order.approved',
  'order.rejected',
  'disclosure.requested',
  'disclosure.collected',
]);

/** Entries of a full bundle (C2SP tlog-tiles). */
const bundleEntries = 256;

/** The entry of the ledger's start and the first administrator's have no signer yet. */
const bootstrapEntries = 2;

/**
 * Replays a ledger's entries while somebody else reads them: wraps a reader, and folds every entry bundle
 * that goes through it, in the order in which `verifyLog` asks for them. So each bundle is read once, and
 * what is replayed is what was hashed.
 */
export function createEntryReplay(inner: LedgerReader): { reader: LedgerReader; report(): ReplayReport } {
  const state = emptyState();
  let signaturesVerified = 0;
  let problem: ReplayProblem | null = null;
  /** Width that was asked for first: the tree's. A full bundle in a partial one's place has later entries. */
  let wanted: TileName = { level: 'entries', index: -1, width: 0 };

  async function replay(name: TileName, bytes: Uint8Array): Promise<void> {
    // A gap or a bundle that is none is for `verifyLog` to tell.
    if (name.index * bundleEntries !== state.size) return;
    const entries = splitBundle(bytes)?.slice(0, wanted.width) ?? [];
    for (const entry of entries) {
      problem = await replayEntry(state, entry, () => signaturesVerified++);
      if (problem !== null) return;
    }
  }

  return {
    reader: {
      read: async (path) => {
        const bytes = await inner.read(path);
        const name = parseTilePath(path);
        if (name?.level !== 'entries' || problem !== null) return bytes;
        if (name.index !== wanted.index) wanted = name;
        if (bytes !== undefined) await replay(name, bytes);
        return bytes;
      },
    },
    report: () => ({
      entries: state.size,
      counts: Object.fromEntries(state.counts),
      signaturesVerified,
      problem,
    }),
  };
}

async function replayEntry(
  state: ControlState,
  bytes: Uint8Array,
  onSignature: () => void,
): Promise<ReplayProblem | null> {
  const index = state.size;
  try {
    const entry = asControlEntry(index, decodeEntry(bytes));
    const fault = await checkEvidence(state, entry);
    if (fault !== null) return { code: 'entry.evidence', sentence: `Entry ${index} ${fault}.` };
    foldEntry(state, entry);
    if (entry.evidence !== undefined) onSignature();
    return null;
  } catch (error) {
    if (error instanceof ControlError) {
      return {
        code: 'entry.impossible',
        sentence: `${error.message[0]?.toUpperCase()}${error.message.slice(1)}.`,
      };
    }
    if (error instanceof LedgerError) {
      return { code: 'entry.unreadable', sentence: `Entry ${index} is no entry of a known version.` };
    }
    throw error;
  }
}

/** What is wrong with an entry's signed request: null where it is its actor's, or none is needed. */
async function checkEvidence(state: ControlState, entry: AnyControlEntry): Promise<string | null> {
  const { evidence, actor, kind } = entry;
  const needed = signedKinds.has(kind) || (kind === 'credential.enrolled' && state.size >= bootstrapEntries);
  if (evidence === undefined) return needed ? 'carries no signed request of its actor' : null;
  const credential = 'credential' in actor ? state.credentials.get(actor.credential) : undefined;
  if (credential === undefined) return 'carries a signed request, and its actor is not enrolled';
  return (await isSignedBy(evidence, credential))
    ? null
    : "carries a request that its actor's key did not sign";
}

async function isSignedBy(evidence: string, credential: Credential): Promise<boolean> {
  const parsed = parseCompact(evidence, proofLimits.proofChars);
  if (!parsed.ok || parsed.jws.header.kid !== credential.thumbprint) return false;
  if (!isSignatureAlgorithm(credential.algorithm)) return false;
  const key = await validatePublicJwk(credential.publicKey, credential.algorithm);
  return key.ok && key.kid === credential.thumbprint && verifyCompact(parsed.jws, key);
}

/** Entries of a bundle: each behind its length as a big-endian uint16 (C2SP tlog-tiles). */
function splitBundle(bytes: Uint8Array): Uint8Array[] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 2 > bytes.length) return null;
    const end = at + 2 + view.getUint16(at);
    if (end > bytes.length) return null;
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return entries;
}
