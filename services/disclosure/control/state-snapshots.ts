import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ControlState, copyState } from '#shared/control';
import { type Ledger, verifyConsistency } from '#shared/ledger';
import { codeOf, type Logger, makePrivateFolder, writeFileDurably } from '#shared/runtime';
import {
  decodeSnapshot,
  encodeSnapshot,
  maxSnapshotBytes,
  type Prefix,
  type Snapshot,
} from './snapshot-file.ts';

/** Entries after which a new snapshot is due: half a second of folding. */
const entriesPerSnapshot = 10_000;
const fileName = 'control-state.snapshot';

/**
 * Snapshots of the control state, so that a start need not fold the whole ledger. They are a cache: one that
 * is not certainly the fold of a prefix of this very ledger is not believed, and the ledger is folded from its
 * beginning; to lose them costs time alone.
 */
export interface StateSnapshots {
  /** The state of a prefix of the ledger, or null where there is none to believe. */
  load(ledger: Ledger): Promise<ControlState | null>;
  /** Told after each fold; now and then it writes, beside the caller's work. A failure is logged and harms nothing. */
  folded(state: Readonly<ControlState>, head: Prefix): void;
  /** Writes the state where something was folded since. */
  close(state: Readonly<ControlState>, head: Prefix): Promise<void>;
}

export interface SnapshotOptions {
  /** Absolute; made where it is not there. */
  readonly folder: string;
  /** 32 secret bytes; see `snapshotKeyOf`. */
  readonly key: Uint8Array;
  readonly logger: Logger;
  readonly entriesPerSnapshot?: number;
}

export function createStateSnapshots(options: SnapshotOptions): StateSnapshots {
  const { folder, key, logger } = options;
  const every = options.entriesPerSnapshot ?? entriesPerSnapshot;
  const file = join(folder, fileName);
  let writtenSize = 0;
  let writing: Promise<void> | null = null;

  async function write(snapshot: Snapshot): Promise<void> {
    try {
      const bytes = await encodeSnapshot(snapshot, key);
      if (bytes !== null) {
        await makePrivateFolder(folder);
        await writeFileDurably(file, bytes);
      }
    } catch (error) {
      logger.warn({ code: codeOf(error) }, 'the state was not written; the next start takes longer');
    }
    // Also where it failed: the next try comes when the next one is due.
    writtenSize = snapshot.size;
  }

  async function read(): Promise<Uint8Array | null> {
    try {
      const { size } = await stat(file);
      return size > maxSnapshotBytes ? null : await readFile(file);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') {
        logger.warn({ code: codeOf(error) }, 'the kept state cannot be read; the whole ledger is folded');
      }
      return null;
    }
  }

  function tell(reason: string): void {
    const members = { code: 'control.snapshot', reason };
    const sentence = 'the kept state is not believed; the whole ledger is folded';
    if (reason === 'other_version') logger.info(members, sentence);
    // Under our own key: the ledger once was another, or longer. Cut, restored, or written anew?
    else if (reason === 'ahead' || reason === 'other_history') logger.error(members, sentence);
    else logger.warn(members, sentence);
  }

  return {
    load: async (ledger) => {
      const bytes = await read();
      if (bytes === null) return null;
      const decoded = decodeSnapshot(bytes, key);
      const reason = decoded.ok ? await contradiction(ledger, decoded.snapshot) : decoded.reason;
      if (!decoded.ok || reason !== null) {
        tell(reason ?? '');
        return null;
      }
      writtenSize = decoded.snapshot.size;
      return decoded.snapshot.state;
    },
    folded: (state, head) => {
      // Where entries wait to be folded, the head is not this state's.
      if (writing !== null || head.size !== state.size || head.size - writtenSize < every) return;
      writing = write({ ...prefixOf(head), state: copyState(state) }).finally(() => {
        writing = null;
      });
    },
    close: async (state, head) => {
      await writing;
      if (head.size === state.size && head.size > writtenSize) await write({ ...prefixOf(head), state });
    },
  };
}

const prefixOf = ({ size, root }: Prefix): Prefix => ({ size, root });

/**
 * Whether the ledger begins with what the snapshot is of, by the signed head and the tiles below it.
 * @returns null where it does; `ahead`: there are fewer entries; `other_history`: other ones; `unproven`: a
 * tile is damaged, and folding finds out which
 */
async function contradiction(
  ledger: Ledger,
  { size, root }: Prefix,
): Promise<'ahead' | 'other_history' | 'unproven' | null> {
  const head = ledger.checkpoint();
  if (size > head.size) return 'ahead';
  try {
    const proof = await ledger.consistencyProof(size, head.size);
    const claim = { first: size, second: head.size, firstRoot: root, secondRoot: head.root, proof };
    return verifyConsistency(claim) ? null : 'other_history';
  } catch {
    return 'unproven';
  }
}
