import { z } from 'zod';
import { emptyFingerprint, type Fingerprint } from './fingerprint.ts';
import { SourceError } from './source.ts';

const fingerprint = z.strictObject({ bytes: z.int().min(0), hash: z.string() });

/** Files of one source that are recognised as read already, newest last. */
export const maxKnownFiles = 32;

const schema = z.strictObject({
  /**
   * Number of the file among those of the source, from 1: a file keeps its number under every name, and
   * the next one that is read has the next number. Part of every position, thus of every event id.
   */
  generation: z.int().min(1),
  /** Byte offset of the first line that was not delivered. */
  offset: z.int().min(0),
  /** Of the file; covers nothing where no file of this generation was seen yet. */
  fingerprint,
  /** When the file last changed, nanoseconds since the epoch: what was rotated later follows it. */
  modifiedNs: z.string().regex(/^\d+$/),
  known: z.array(fingerprint).max(maxKnownFiles),
});

/** Where reading of a followed file goes on; part of the checkpoint. */
export type FileResume = z.infer<typeof schema>;

export function parseFileResume(value: unknown): FileResume {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new SourceError(
    'SOURCE_RESUME_UNKNOWN',
    'the checkpoint is not one of a followed file; was the kind of this source changed? Give the source a new id',
  );
}

/**
 * Before anything was seen: what is rotated from now on follows.
 * @param modifiedNs of the newest file that was rotated before.
 */
export function firstResume(modifiedNs: bigint, known: readonly Fingerprint[]): FileResume {
  return {
    generation: 1,
    offset: 0,
    fingerprint: emptyFingerprint,
    modifiedNs: String(modifiedNs),
    known: known.slice(-maxKnownFiles),
  };
}

/** The file after this one, of which nothing is known yet. */
export function afterResume(resume: FileResume): FileResume {
  const known = resume.fingerprint.bytes === 0 ? resume.known : [...resume.known, resume.fingerprint];
  return {
    ...resume,
    generation: resume.generation + 1,
    offset: 0,
    fingerprint: emptyFingerprint,
    known: known.slice(-maxKnownFiles),
  };
}
