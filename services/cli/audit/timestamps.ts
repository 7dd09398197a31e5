import type { X509Certificate } from 'node:crypto';
import {
  type LedgerReader,
  type NoteVerifier,
  openCheckpoint,
  readTimestampIndex,
  type SignedCheckpoint,
  timestampIndex,
  timestampPaths,
} from '#shared/ledger';
import { readAnchors, type TimestampRefusal, verifyTimestamp } from '#shared/timestamp';
import { unusable } from '../errors.ts';
import { readBounded, smallFileBytes } from '../files.ts';
import type { VerifyProblem } from './verify.ts';

/** Without a newer one, time stamps no longer show that nothing was written anew since: the report says so. */
const freshMs = 2 * 86_400_000;

/** What each refusal means, after "The time stamp of 2026-11-28". */
const refusals: Readonly<Record<TimestampRefusal, string>> = {
  'timestamp.malformed': 'is none',
  'timestamp.refused': 'was refused by the authority',
  'timestamp.other_data': 'is of another checkpoint',
  'timestamp.other_nonce': 'answers another request',
  'timestamp.algorithm': 'uses an algorithm that is too old, or not known',
  'timestamp.no_certificate': 'does not have the certificate of who signed it',
  'timestamp.signature': 'has a signature that does not hold',
  'timestamp.purpose': 'is signed with a certificate that is not for time stamps',
  'timestamp.untrusted': 'does not lead to a certificate of --timestamp-ca',
  'timestamp.not_valid_then': 'is signed with a certificate that was not valid at its time',
};

/** The time stamps of a ledger, as they were found; `checkpoints` must be those of the ledger. */
export interface Timestamps {
  /** Days in the ledger's index. */
  readonly days: number;
  /** Null where nobody said whom to trust: they were not looked at. */
  readonly verified: {
    readonly count: number;
    /** RFC 3339 UTC, by the authority's clock; null for none. */
    readonly first: string | null;
    readonly last: string | null;
    readonly isStale: boolean;
  } | null;
  readonly checkpoints: readonly SignedCheckpoint[];
  readonly problems: readonly VerifyProblem[];
}

/** Reads and verifies what an authority stamped. @param caFile certificates that are trusted for it */
export async function readTimestamps(
  reader: LedgerReader,
  keys: readonly NoteVerifier[],
  caFile: string | undefined,
  now: number,
): Promise<Timestamps> {
  const anchors = caFile === undefined ? null : await anchorsOf(caFile);
  const index = await reader.read(timestampIndex);
  const days = readTimestampIndex(Buffer.from(index ?? []).toString('utf8'));
  if (anchors === null) return { days: days.length, verified: null, checkpoints: [], problems: [] };
  const problems: VerifyProblem[] = [];
  const checkpoints: SignedCheckpoint[] = [];
  const times: number[] = [];
  for (const day of days) {
    const found = await readDay(reader, keys, day, anchors);
    if (typeof found === 'string') {
      problems.push({ code: 'timestamp.invalid', sentence: `The time stamp of ${day} ${found}.` });
      continue;
    }
    checkpoints.push(found.checkpoint);
    times.push(found.time);
  }
  if (days.length === 0) {
    problems.push({ code: 'timestamp.missing', sentence: 'There is no time stamp of any checkpoint.' });
  }
  const [first, last] = [Math.min(...times), Math.max(...times)].map((time) =>
    Number.isFinite(time) ? new Date(time).toISOString() : null,
  );
  const isStale = !times.some((time) => time > now - freshMs);
  const verified = { count: times.length, first: first ?? null, last: last ?? null, isStale };
  return { days: days.length, verified, checkpoints, problems };
}

async function readDay(
  reader: LedgerReader,
  keys: readonly NoteVerifier[],
  day: string,
  anchors: readonly X509Certificate[],
): Promise<{ readonly checkpoint: SignedCheckpoint; readonly time: number } | string> {
  const paths = timestampPaths(day);
  const [note, response] = [await reader.read(paths.checkpoint), await reader.read(paths.stamp)];
  if (note === undefined || response === undefined) return 'is not there';
  const opened = openCheckpoint(Buffer.from(note).toString('utf8'), keys);
  if (!opened.ok) return 'is of a checkpoint that is not one of this log';
  const verified = verifyTimestamp(response, note, anchors);
  if (!verified.ok) return refusals[verified.reason];
  return { checkpoint: opened.checkpoint, time: verified.time };
}

async function anchorsOf(file: string): Promise<readonly X509Certificate[]> {
  const anchors = readAnchors((await readBounded(file, smallFileBytes)).toString('utf8'));
  if (anchors !== null) return anchors;
  throw unusable('file.wrong_form', `${file} holds no PEM certificate; give those of the authority`);
}
