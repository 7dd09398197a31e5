import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { privateModes, syncFolder } from '#shared/runtime';
import { CheckpointError } from '../../checkpoint/errors.ts';
import { encodeFrame, magic, readFrames } from '../../checkpoint/frames.ts';
import { SourceError, type SourceLine } from '../source.ts';
import type { SpoolLine } from './body-lines.ts';

/*
 * One file of the spool, `<first>.segment`: checkpoint frames, the first of which names the spool and the
 * sequence number of the segment's first line; each other one holds the lines of one request, so that a
 * request is there whole or not at all.
 */

const headSchema = z.strictObject({ spool: z.string().regex(/^[0-9a-f]{16}$/), first: z.int().min(0) });
const lineSchema = z.tuple([
  /** The line's identity, or null. */
  z.string().nullable(),
  /** Its text. */
  z.string(),
  z.enum(['line.too_long', 'line.not_utf8']).optional(),
]);
const requestSchema = z.strictObject({ first: z.int().min(0), lines: z.array(lineSchema).min(1) });

export interface Segment {
  readonly path: string;
  /** Sequence number of its first line. */
  readonly first: number;
  /** Number after its last durable line. */
  end: number;
  /** Durable bytes. */
  bytes: number;
}

export interface Request {
  readonly first: number;
  readonly lines: readonly SpoolLine[];
}

export function segmentPath(folder: string, first: number): string {
  return join(folder, `${first}.segment`);
}

export function encodeRequest({ first, lines }: Request): Buffer {
  const rows = lines.map(({ identity, text, problem }) => [
    identity ?? null,
    text,
    ...(problem === undefined ? [] : [problem]),
  ]);
  return encodeFrame(Buffer.from(JSON.stringify({ first, lines: rows })));
}

function decodeRequest(path: string, payload: Buffer): Request {
  const { first, lines } = shaped(path, payload, requestSchema);
  return {
    first,
    lines: lines.map(([identity, text, problem]) => ({
      text,
      ...(identity === null ? {} : { identity }),
      ...(problem === undefined ? {} : { problem }),
    })),
  };
}

/** Makes an empty segment, durable with its name. */
export async function createSegment(
  folder: string,
  spool: string,
  first: number,
): Promise<{ segment: Segment; file: FileHandle }> {
  const path = segmentPath(folder, first);
  const bytes = Buffer.concat([magic, encodeFrame(Buffer.from(JSON.stringify({ spool, first })))]);
  const file = await open(path, 'w+', privateModes.file);
  try {
    await file.appendFile(bytes);
    await file.sync();
    await syncFolder(dirname(path));
  } catch (error) {
    await file.close();
    throw error;
  }
  return { segment: { path, first, end: first, bytes: bytes.length }, file };
}

/**
 * Reads a segment through, at the start of the collector.
 * @param isLast its last frame may be torn: a crash came while it was written, and nothing of it was acknowledged.
 * @returns null where not even its head was written.
 * @throws SourceError `SOURCE_SPOOL_DAMAGED`
 */
export function scanSegment(
  path: string,
  isLast: boolean,
): { readonly spool: string; readonly segment: Segment } | null {
  const scan = { validBytes: 0 };
  const frames = guarded(path, readFrames(path, isLast, scan));
  const head = frames.next();
  if (head.done === true) return null;
  const { spool, first } = shaped(path, head.value, headSchema);
  let end = first;
  for (const payload of frames) {
    const request = decodeRequest(path, payload);
    if (request.first !== end) throw damaged(path);
    end += request.lines.length;
  }
  return { spool, segment: { path, first, end, bytes: scan.validBytes } };
}

/** Where a reader stands in a segment. */
export interface Place {
  /** Offset of a frame; 0 for the beginning. */
  offset: number;
}

/**
 * The durable requests of a segment from a place on, which is moved behind each request once the next one
 * is asked for. Reads while the segment is written: it never looks beyond what is durable.
 */
export function* readRequests(segment: Segment, place: Place): Generator<Request> {
  const scan = { validBytes: place.offset };
  const frames = guarded(segment.path, readFrames(segment.path, true, scan));
  try {
    while (scan.validBytes < segment.bytes) {
      const { value, done } = frames.next();
      if (done === true) throw damaged(segment.path);
      if (place.offset > 0) yield decodeRequest(segment.path, value);
      place.offset = scan.validBytes;
    }
  } finally {
    frames.return(undefined);
  }
}

export function toSourceLine(spool: string, sequence: number, line: SpoolLine): SourceLine {
  return { position: `${spool}:${sequence}`, ...line };
}

function* guarded(path: string, frames: Generator<Buffer>): Generator<Buffer, undefined> {
  try {
    yield* frames;
  } catch (error) {
    throw error instanceof CheckpointError ? damaged(path) : error;
  }
}

function shaped<T>(path: string, payload: Buffer, schema: z.ZodType<T>): T {
  const result = schema.safeParse(JSON.parse(payload.toString('utf8')));
  if (!result.success) throw damaged(path);
  return result.data;
}

export function damaged(path: string): SourceError {
  return new SourceError(
    'SOURCE_SPOOL_DAMAGED',
    `the spool file ${path} is damaged; restore it, or move the spool's folder away, which loses what it holds and was not handled yet`,
  );
}
