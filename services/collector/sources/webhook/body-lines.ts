import { hash } from 'node:crypto';
import type { LineFormat } from '../../config.ts';
import { LineSplitter } from '../line-splitter.ts';
import type { SourceLine } from '../source.ts';
import { webhookLimits } from './limits.ts';
import { sieve } from './sieve.ts';

/** A line as it is spooled. */
export interface SpoolLine {
  readonly text: string;
  readonly problem?: NonNullable<SourceLine['problem']>;
  /**
   * Digest of the line as it was delivered, where no two events can be told in the same bytes: delivered
   * again, the line is the same event. See `SourceLine.identity`.
   */
  readonly identity?: string;
}

export const mediaTypes = ['application/json', 'application/x-ndjson', 'text/plain'] as const;
export type MediaType = (typeof mediaTypes)[number];

/** A log line that tells its time to the microsecond, and whose writer has microseconds. */
const microseconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(?!000000)\d{6}/;

/**
 * The lines of a body: one document for `application/json`, else one a line. Empty lines are none.
 * @returns undefined where there are more than one request may have.
 */
export function linesOf(body: Buffer, mediaType: MediaType, format: LineFormat): SpoolLine[] | undefined {
  const splitter = new LineSplitter(0);
  // A document may be written over several lines; without its line breaks it is the same document.
  splitter.push(mediaType === 'application/json' ? Buffer.from(body.map(breakToSpace)) : body);
  const split = splitter.take(webhookLimits.linesPerRequest + 1);
  const tail = splitter.takeTail();
  if (tail !== undefined) split.push(tail);
  if (split.length > webhookLimits.linesPerRequest) return undefined;
  return split
    .filter(({ text, problem }) => problem !== undefined || text.trim() !== '')
    .map(({ text, problem }) => spoolLine(text, problem, mediaType !== 'text/plain', format));
}

/** JSON strings hold no bare line breaks, so that outside of them a space says the same. */
const breakToSpace = (byte: number): number => (byte === 0x0a || byte === 0x0d ? 0x20 : byte);

function spoolLine(
  text: string,
  problem: SpoolLine['problem'],
  json: boolean,
  format: LineFormat,
): SpoolLine {
  if (problem === 'line.too_long') return { text: '', problem };
  const sieved = sieve(text, format, json);
  if (problem !== undefined) return { text: sieved.text, problem };
  const isOneEvent = sieved.isDocument || microseconds.test(text);
  return isOneEvent ? { text: sieved.text, identity: identityOf(text) } : { text: sieved.text };
}

function identityOf(text: string): string {
  return hash('sha256', text.trim(), 'hex').slice(0, 32);
}
