import { parseAddCheckpoint } from './add-checkpoint.ts';
import { type Checkpoint, formatCheckpoint, openCheckpoint, type SignedCheckpoint } from './checkpoint.ts';
import { verifyConsistency } from './consistency-proof.ts';
import { emptyRoot, equalHashes } from './hash.ts';
import type { NoteVerifier } from './note-key.ts';

export type WitnessRefusal =
  /** No request of the form; a checkpoint that is smaller than the old size; extension lines. */
  | 'witness.malformed'
  /** The witness does not follow this origin. */
  | 'witness.unknown_log'
  /** No key of the log signed it. */
  | 'witness.not_by_log'
  /** The old size is not that of the checkpoint which was cosigned last. */
  | 'witness.other_size'
  /** A second tree of the size that was cosigned last: the log has forked, and signed both. */
  | 'witness.forked'
  /** The proof does not show that the checkpoint extends what was cosigned last. */
  | 'witness.bad_proof';

export type Judgement =
  | {
      readonly ok: true;
      readonly checkpoint: SignedCheckpoint;
      /** What a cosignature is over. */
      readonly text: string;
    }
  | {
      readonly ok: false;
      readonly reason: WitnessRefusal;
      /** For `other_size` and `forked`: of the tree that was cosigned last, 0 for none. */
      readonly knownSize?: number;
      /** For `forked`: the contradicting checkpoint, signed by the log. */
      readonly checkpoint?: SignedCheckpoint;
    };

/**
 * The rule of a witness (C2SP tlog-witness): what it may cosign, given what it cosigned last. Its caller sees to it
 * that `latest` cannot change before what is returned as `ok` is durable in its place.
 * @param body of the request
 * @param logs keys of the logs that are followed; several of one origin where a log changed its key
 * @param latest what was cosigned last of an origin, or null where nothing was
 */
export function judgeCheckpoint(
  body: string,
  logs: readonly NoteVerifier[],
  latest: (origin: string) => Checkpoint | null,
): Judgement {
  const refuse = (reason: WitnessRefusal) => ({ ok: false, reason }) as const;
  const request = parseAddCheckpoint(body);
  if (request === null) return refuse('witness.malformed');
  const { oldSize, proof, checkpointNote } = request;
  const [origin = ''] = checkpointNote.split('\n', 1);
  const keys = logs.filter(({ name }) => name === origin);
  if (keys.length === 0) return refuse('witness.unknown_log');
  const opened = openCheckpoint(checkpointNote, keys);
  if (!opened.ok) {
    const isMalformed = opened.reason === 'note.malformed' || opened.reason === 'checkpoint.malformed';
    return refuse(isMalformed ? 'witness.malformed' : 'witness.not_by_log');
  }
  const { checkpoint } = opened;
  if (oldSize > checkpoint.size) return refuse('witness.malformed');

  const { size: knownSize, root: knownRoot } = latest(origin) ?? { size: 0, root: emptyRoot };
  if (checkpoint.size === knownSize && !equalHashes(checkpoint.root, knownRoot)) {
    return { ok: false, reason: 'witness.forked', knownSize, checkpoint };
  }
  if (oldSize !== knownSize) return { ok: false, reason: 'witness.other_size', knownSize };
  const extended =
    knownSize === 0 || checkpoint.size === knownSize
      ? proof.length === 0
      : verifyConsistency({
          first: knownSize,
          second: checkpoint.size,
          firstRoot: knownRoot,
          secondRoot: checkpoint.root,
          proof,
        });
  if (!extended) return refuse('witness.bad_proof');
  return { ok: true, checkpoint, text: formatCheckpoint(checkpoint) };
}
