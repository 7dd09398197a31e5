import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { codeOf, type Logger, Mutex, makePrivateFolder } from '#shared/runtime';
import type { SourceLine } from '../source.ts';
import type { SpoolLine } from './body-lines.ts';
import { webhookLimits } from './limits.ts';
import {
  createSegment,
  damaged,
  encodeRequest,
  type Place,
  readRequests,
  type Segment,
  scanSegment,
  segmentPath,
  toSourceLine,
} from './segment.ts';

/*
 * Lines that were delivered, in the order of their arrival, until their events are durable elsewhere. The
 * order of writes:
 *
 *   1. a request's lines become one frame; the frames of all requests that wait are one write, one fdatasync
 *   2. the requests are acknowledged
 *   3. the lines are read, their events published, and the checkpoint says so
 *   4. segments before the checkpoint are deleted
 *
 * Killed between 1 and 2 the sender delivers again what is here already: see `SpoolLine.identity`.
 * A line's sequence number is never given to another line, also after its segment is gone: the segment that
 * is written always exists and its name is the number of its first line. A write that failed is cut off
 * before the next one. Nothing is read that is not durable.
 */

type Trouble = 'webhook.spool_full' | 'webhook.spool_unavailable';

export type Appended = { readonly ok: true } | { readonly ok: false; readonly reason: Trouble };

export interface SpoolOptions {
  readonly folder: string;
  /** Bytes of segments on the disk at most. */
  readonly maxBytes: number;
  readonly logger: Logger;
  readonly sourceId: string;
  /** For tests; see `webhookLimits`. */
  readonly segmentMs?: number;
}

interface Waiting {
  readonly lines: readonly SpoolLine[];
  readonly settle: (result: Appended) => void;
}

interface Active {
  readonly file: FileHandle;
  readonly startedMs: number;
  /** The last write failed, and what it left behind is not cut off yet. */
  torn: boolean;
}

export class Spool {
  /** Part of every position, so that a spool that was made anew gives new ones. */
  readonly id: string;
  readonly #options: SpoolOptions;
  /** At least one; the last is written to. */
  readonly #segments: Segment[];
  readonly #mutex = new Mutex();
  #active: Active;
  #waiting: Waiting[] = [];
  #wake: (() => void) | undefined;
  /** Why the last request was refused, so that it is logged once. */
  #trouble: Trouble | undefined;
  /** Where the last read ended. */
  #reading: { segment: Segment; place: Place } | undefined;

  private constructor(options: SpoolOptions, id: string, segments: Segment[], active: Active) {
    this.#options = options;
    this.id = id;
    this.#segments = segments;
    this.#active = active;
  }

  /** @throws SourceError `SOURCE_SPOOL_DAMAGED` where something other than the last, torn write is broken. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { folder } = options;
    await makePrivateFolder(folder);
    const firsts = (await readdir(folder))
      .flatMap((name) => /^(\d{1,15})\.segment$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
    await removeHeadless(folder, firsts);
    const segments: Segment[] = [];
    let id: string | undefined;
    for (const first of firsts) {
      const path = segmentPath(folder, first);
      const scanned = scanSegment(path, first === firsts.at(-1));
      const before = segments.at(-1);
      const fits =
        scanned !== null &&
        scanned.segment.first === first &&
        (before === undefined || (before.end <= first && scanned.spool === id));
      if (!fits) throw damaged(path);
      id = scanned.spool;
      segments.push(scanned.segment);
      // A long backlog is read in pieces, so that the process answers meanwhile.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const last = segments.at(-1);
    if (id !== undefined && last !== undefined) {
      const file = await open(last.path, 'r+');
      const active = { file, startedMs: Number.NEGATIVE_INFINITY, torn: true };
      const spool = new Spool(options, id, segments, active);
      await spool.#mend();
      return spool;
    }
    const fresh = randomBytes(8).toString('hex');
    const { segment, file } = await createSegment(folder, fresh, 0);
    const active = { file, startedMs: performance.now(), torn: false };
    return new Spool(options, fresh, [segment], active);
  }

  /** Sequence number of the first line that is still here. */
  get first(): number {
    return this.#segments[0]?.first ?? 0;
  }

  /** Number after the last durable line. */
  get end(): number {
    return this.#last.end;
  }

  /** Bytes of segments on the disk. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Bytes from a sequence number on. */
  bytesFrom(sequence: number): number {
    const unread = this.#segments.filter(({ end }) => end > sequence);
    const read = unread[0] === this.#reading?.segment ? (this.#reading?.place.offset ?? 0) : 0;
    return unread.reduce((sum, { bytes }) => sum + bytes, 0) - read;
  }

  /** Settles once the lines are durable, all of them, or none is kept. */
  append(lines: readonly SpoolLine[]): Promise<Appended> {
    return new Promise((settle, reject) => {
      this.#waiting.push({ lines, settle });
      if (this.#waiting.length === 1) this.#mutex.run(() => this.#flush()).catch(reject);
    });
  }

  /** Up to `max` lines from a sequence number on. */
  read(from: number, max: number): { readonly lines: readonly SourceLine[]; readonly next: number } {
    const lines: SourceLine[] = [];
    let next = from;
    for (const segment of this.#segments) {
      if (segment.end <= next) continue;
      const known = this.#reading?.segment === segment && this.#reading.place.offset > 0;
      const place = known && this.#reading !== undefined ? this.#reading.place : { offset: 0 };
      this.#reading = { segment, place };
      for (const request of readRequests(segment, place)) {
        for (const [index, line] of request.lines.entries()) {
          const sequence = request.first + index;
          if (sequence < next) continue;
          if (lines.length === max) return { lines, next };
          lines.push(toSourceLine(this.id, sequence, line));
          next = sequence + 1;
        }
      }
    }
    return { lines, next };
  }

  /** Reading begins somewhere else: at a checkpoint that was read again. */
  rewind(): void {
    this.#reading = undefined;
  }

  /**
   * The checkpoint is past what is here: the disk lost what it had promised to keep. What was lost was handled;
   * its numbers are not given again.
   */
  async skipTo(sequence: number): Promise<void> {
    if (sequence > this.end) await this.#mutex.run(() => this.#startSegment(sequence));
  }

  /** Waits for lines beyond a sequence number, or for as long. */
  async waitBeyond(sequence: number, milliseconds: number, signal: AbortSignal): Promise<void> {
    if (this.end > sequence || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal.addEventListener('abort', done);
      this.#wake = done;
    });
  }

  /** Lets go of what the checkpoint is past: everything before a sequence number, segment by segment. */
  async retire(before: number): Promise<void> {
    const old = this.#last;
    const handled = old.end > old.first && old.end <= before && (this.#isLong() || this.#isOld());
    const [oldest] = this.#segments;
    if (!handled && (oldest === undefined || oldest === old || oldest.end > before)) return;
    await this.#mutex.run(async () => {
      // Where the disk is full the segment stays a while longer; deleting the others makes room.
      if (handled && this.#last === old && old.end <= before)
        await this.#startSegment(old.end).catch(() => {});
      for (;;) {
        const [segment] = this.#segments;
        if (segment === undefined || segment === this.#last || segment.end > before) return;
        await rm(segment.path, { force: true });
        this.#segments.shift();
      }
    });
  }

  async close(): Promise<void> {
    await this.#mutex.run(() => this.#active.file.close());
  }

  get #last(): Segment {
    const last = this.#segments.at(-1);
    if (last === undefined) throw new Error('a spool without a segment');
    return last;
  }

  #isLong(): boolean {
    return this.#last.bytes > Math.min(webhookLimits.segmentBytes, this.#options.maxBytes / 16);
  }

  #isOld(): boolean {
    return performance.now() - this.#active.startedMs > (this.#options.segmentMs ?? webhookLimits.segmentMs);
  }

  /** Everything that waits, with one write and one fdatasync. */
  async #flush(): Promise<void> {
    const group = this.#waiting;
    this.#waiting = [];
    const frames: Buffer[] = [];
    const results: Appended[] = [];
    let end = this.end;
    let free = this.#options.maxBytes - this.bytes;
    for (const { lines } of group) {
      const frame = encodeRequest({ first: end, lines });
      if (frame.length > free) {
        results.push({ ok: false, reason: 'webhook.spool_full' });
        continue;
      }
      free -= frame.length;
      end += lines.length;
      frames.push(frame);
      results.push({ ok: true });
    }
    const failed = await this.#write(Buffer.concat(frames), end);
    this.#report(failed ? 'webhook.spool_unavailable' : results.find((result) => !result.ok)?.reason);
    for (const [index, { settle }] of group.entries()) {
      const result = results[index];
      settle(failed || result === undefined ? { ok: false, reason: 'webhook.spool_unavailable' } : result);
    }
    this.#wake?.();
  }

  /** @returns whether it failed; then nothing of it is kept. */
  async #write(bytes: Buffer, end: number): Promise<boolean> {
    if (bytes.length === 0) return false;
    try {
      if (this.#active.torn) await this.#mend();
      const hasLines = this.#last.end > this.#last.first;
      if (hasLines && (this.#isLong() || this.#isOld())) await this.#startSegment(this.end);
      const segment = this.#last;
      this.#active.torn = true;
      const { file } = this.#active;
      for (let written = 0; written < bytes.length; ) {
        const { bytesWritten } = await file.write(
          bytes,
          written,
          bytes.length - written,
          segment.bytes + written,
        );
        written += bytesWritten;
      }
      await file.datasync();
      this.#active.torn = false;
      segment.bytes += bytes.length;
      segment.end = end;
      return false;
    } catch (error) {
      const { logger, sourceId } = this.#options;
      if (this.#trouble === undefined) {
        logger.error({ source: sourceId, code: codeOf(error) }, 'the spool cannot be written');
      }
      if (this.#active.torn) await this.#mend().catch(() => {});
      return true;
    }
  }

  /** Cuts off what a failed write left behind the last durable byte. */
  async #mend(): Promise<void> {
    await this.#active.file.truncate(this.#last.bytes);
    await this.#active.file.datasync();
    this.#active.torn = false;
  }

  async #startSegment(first: number): Promise<void> {
    const { segment, file } = await createSegment(this.#options.folder, this.id, first);
    const old = this.#active.file;
    this.#active = { file, startedMs: performance.now(), torn: false };
    this.#segments.push(segment);
    await old.close();
  }

  #report(trouble: Trouble | undefined): void {
    if (trouble === 'webhook.spool_full' && this.#trouble !== trouble) {
      const { logger, sourceId } = this.#options;
      logger.warn({ source: sourceId, reason: trouble, bytes: this.bytes }, 'the spool is full');
    }
    this.#trouble = trouble;
  }
}

/** A segment that was being made when a crash came has no head yet, and no lines. */
async function removeHeadless(folder: string, firsts: number[]): Promise<void> {
  for (let first = firsts.at(-1); first !== undefined; first = firsts.at(-1)) {
    const path = segmentPath(folder, first);
    const scanned = scanSegment(path, true);
    if (scanned !== null) return;
    await rm(path);
    firsts.pop();
  }
}
