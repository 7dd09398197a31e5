import {
  type LogReport,
  type NoteVerifier,
  noteKeyTypes,
  openCheckpoint,
  type SignedCheckpoint,
} from '#shared/ledger';
import { unusable } from '../errors.ts';
import { verifierKey } from './place.ts';

/** A cosignature older than this no longer shows that nothing was cut off or held back: the report says so. */
const freshMs = 24 * 3_600_000;
/** Clocks of witnesses may be ahead by this much. */
const skewMs = 10 * 60_000;

/** Whom the auditor believes, and how many of them must have cosigned. */
export interface WitnessDemand {
  readonly witnesses: readonly NoteVerifier[];
  readonly quorum: number;
}

/** What witnesses vouch for. */
export interface Witnessed {
  /** The first `size` entries. */
  readonly size: number;
  readonly by: LogReport['witnesses'];
  /** Whether fewer than the quorum vouch for the last day. */
  readonly isStale: boolean;
  /** Whether one of them gives a time that has not come yet. */
  readonly isAhead: boolean;
}

/** The demand that the options make; of all that are named where no number is given. */
export function witnessDemand(vkeys: readonly string[], quorum: number | undefined): WitnessDemand {
  const witnesses = [...new Set(vkeys)].map(verifierKey);
  if (witnesses.some(({ type }) => type !== noteKeyTypes.cosignature)) {
    throw unusable('usage', 'a key given with --witness is no witness key (type 04)');
  }
  const needed = quorum ?? witnesses.length;
  if (needed > witnesses.length) {
    throw unusable('usage', `--quorum ${needed} needs as many --witness keys; ${witnesses.length} are given`);
  }
  return { witnesses, quorum: needed };
}

/** The `witnessed` note beside the checkpoint, opened; null where there is none by this log. */
export function openWitnessed(
  bytes: Uint8Array | undefined,
  log: readonly NoteVerifier[],
  { witnesses }: WitnessDemand,
): { readonly checkpoint: SignedCheckpoint; readonly by: LogReport['witnesses'] } | null {
  const opened = openCheckpoint(Buffer.from(bytes ?? []).toString('utf8'), [...log, ...witnesses]);
  if (!opened.ok) return null;
  const by = opened.cosignatures.map(({ verifier, time = 0 }) => ({ name: verifier.name, time }));
  return { checkpoint: opened.checkpoint, by };
}

/**
 * What the witnesses vouch for, from the checkpoint itself where enough of them cosigned it, else from the
 * `witnessed` note that the log was found to extend. Null where neither has enough.
 */
export function judgeWitnesses(
  log: LogReport,
  note: ReturnType<typeof openWitnessed>,
  { quorum }: WitnessDemand,
  now: number,
): Witnessed | null {
  const candidates = [
    { size: log.size, by: latestOfEach(log.witnesses) },
    ...(note === null ? [] : [{ size: note.checkpoint.size, by: latestOfEach(note.by) }]),
  ];
  const found = candidates.find(({ by }) => by.length >= quorum);
  if (found === undefined) return null;
  const fresh = found.by.filter(({ time }) => time * 1000 > now - freshMs);
  const isAhead = found.by.some(({ time }) => time * 1000 > now + skewMs);
  return { ...found, isStale: fresh.length < quorum, isAhead };
}

/** A witness that cosigned twice is one witness. */
function latestOfEach(by: LogReport['witnesses']): LogReport['witnesses'] {
  const latest = new Map<string, LogReport['witnesses'][number]>();
  for (const each of by) if (each.time >= (latest.get(each.name)?.time ?? 0)) latest.set(each.name, each);
  return [...latest.values()];
}
