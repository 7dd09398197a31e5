import type { BigIntStats } from 'node:fs';
import { afterResume, type FileResume, firstResume, maxKnownFiles, parseFileResume } from './file-resume.ts';
import { beginsAs, type Fingerprint, fingerprintBytes, fingerprintOf, headOfPath } from './fingerprint.ts';
import { LineSplitter, type SplitLine } from './line-splitter.ts';
import { endOfLastLine, type OpenedFile, openFile } from './opened-file.ts';
import { findRotated, liveFile, searchFolder } from './rotation.ts';
import {
  type Gap,
  type LineSource,
  pause,
  type SourceBatch,
  type SourceProgress,
  sourceLimits,
} from './source.ts';
import { beginsAsResumed, findSuccessor, type Successor } from './successor.ts';

/*
 * Follows a log file by polling (network file systems and copytruncate give no dependable notices).
 *
 * A file is known by its first bytes, so that it is found again under another name or compressed, and by
 * its inode where nothing of it was read. What happens when the log is rotated:
 *
 *  rename+create  the old file is read on through its open handle until its successor has bytes and it was
 *                 quiet for `settleMs`; then its unfinished last line is delivered, and the successor read.
 *  copytruncate   the cut is seen (shorter, or other first bytes); the unread rest is read from the copy.
 *                 Lines that the server writes between the copy and the cut are lost by that method
 *                 itself: nobody can see them. Use rename+create.
 *  while stopped  the file is found in its folder, also as `.gz`; its rest is read, then every file that was
 *                 rotated after it in the order of their last change, then the one at the path.
 *  not found      deleted, or compressed otherwise: its rest cannot be read, and whole files between may be
 *                 gone with it. A gap, reported and counted. Reading goes on with what was rotated later.
 *
 * A chunk counts only if the file's first bytes are unchanged after it was read, so that no chunk is made of
 * two generations.
 */

export interface FileSourceOptions {
  readonly path: string;
  /** Where to begin on the first start. A file that appears later is read from its beginning. */
  readonly from: 'beginning' | 'end';
  readonly pollMs?: number;
  readonly settleMs?: number;
}

export function createFileSource(options: FileSourceOptions): LineSource {
  return new FileSource(options);
}

class FileSource implements LineSource {
  readonly #options: Required<FileSourceOptions>;
  #file: OpenedFile | undefined;
  #splitter = new LineSplitter(0);
  #resume: FileResume;
  /** Lines that were cut at the end of a file, to be delivered before the next one is opened. */
  #tail: SplitLine[] = [];
  #gaps: Gap[] = [];
  /** Since when the file that was renamed away has not grown, by the monotonic clock. */
  #quietSince: number | undefined;
  #progress: SourceProgress = { state: 'waiting' };
  /** Bytes of the file when it was last looked at. */
  #size = 0;

  constructor(options: FileSourceOptions) {
    this.#options = { pollMs: sourceLimits.pollMs, settleMs: sourceLimits.settleMs, ...options };
    this.#resume = firstResume(0n, []);
  }

  async open(resume: unknown): Promise<unknown> {
    if (resume === undefined) await this.#firstStart();
    else await this.#findAgain(parseFileResume(resume));
    return this.#resume;
  }

  async read(maxLines: number, signal: AbortSignal): Promise<SourceBatch> {
    for (;;) {
      const lines = this.#tail.length > 0 ? this.#tail : this.#splitter.take(maxLines);
      this.#tail = [];
      if (lines.length > 0 || this.#gaps.length > 0 || signal.aborted) return this.#batch(lines);
      if (await this.#fill()) continue;
      await pause(this.#options.pollMs, signal);
      return this.#batch([]);
    }
  }

  progress(): SourceProgress {
    return this.#progress;
  }

  writtenMs(): number | undefined {
    return this.#file === undefined ? undefined : Number(BigInt(this.#resume.modifiedNs) / 1_000_000n);
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.reader.close();
  }

  #batch(lines: readonly SplitLine[]): SourceBatch {
    const { generation, offset } = this.#resume;
    if (this.#splitter.nextOffset !== offset) {
      this.#resume = { ...this.#resume, offset: this.#splitter.nextOffset };
    }
    const gaps = this.#gaps;
    this.#gaps = [];
    const named = lines.map(({ offset: at, ...line }) => ({ position: `${generation}:${at}`, ...line }));
    // Of so many bytes some are a whole line.
    const more = this.#size - this.#splitter.nextOffset > sourceLimits.lineBytes;
    return { lines: named, gaps, resume: this.#resume, ended: false, more };
  }

  async #firstStart(): Promise<void> {
    const { path, from } = this.#options;
    this.#resume = await searchFolder(path, async ({ rotated }) => {
      const known: Fingerprint[] = [];
      for (const file of rotated.slice(-maxKnownFiles)) {
        const head = await headOfPath(file.path);
        if (head.length > 0) known.push(fingerprintOf(head, head.length));
      }
      return firstResume(rotated.at(-1)?.modifiedNs ?? 0n, known);
    });
    const live = await this.#live();
    if (live === null || live.size === 0n) return;
    const offset = from === 'end' ? await endOfLastLine(path, Number(live.size)) : 0;
    await this.#switchTo(path, String(live.ino), { ...this.#resume, offset });
  }

  async #findAgain(resume: FileResume): Promise<void> {
    this.#resume = resume;
    // Nothing of the file was seen: whatever is the first by now is read from its beginning.
    if (resume.fingerprint.bytes === 0) return;
    // A rotation between looking and opening is met by looking again.
    for (let attempt = 0; attempt < 3; attempt++) {
      const live = await this.#live();
      if (live !== null && (await this.#isOurs(live))) {
        if (Number(live.size) < resume.offset) return this.#cutBack(live);
        if (await this.#switchTo(this.#options.path, String(live.ino), resume)) return;
      }
      const found = await findRotated(this.#options.path, resume);
      if (found === null) break;
      if (await this.#switchTo(found.path, found.inode, resume)) return;
    }
    this.#giveUp('lost');
  }

  /** More bytes in the splitter, or another file opened: true. Nothing to do now: false. */
  async #fill(): Promise<boolean> {
    const file = this.#file;
    if (file === undefined) return this.#openSuccessor();
    const chunk = await file.reader.next();
    if (chunk === null) return this.#atEnd(file);
    const look = await file.look();
    if (look !== null) {
      if (!this.#recognise(look.head, chunk)) {
        await this.#onTruncated();
        return true;
      }
      this.#resume = { ...this.#resume, modifiedNs: String(look.modifiedNs) };
      this.#size = look.size;
      this.#progress = { state: 'following', lagBytes: Math.max(0, look.size - this.#splitter.nextOffset) };
    }
    this.#splitter.push(chunk);
    this.#quietSince = undefined;
    return true;
  }

  /** Whether the file still begins as it did; learns its first bytes while there are few. */
  #recognise(head: Buffer, chunk: Buffer): boolean {
    const { fingerprint } = this.#resume;
    if (fingerprint.bytes > 0 && !beginsAs(head, fingerprint)) return false;
    if (fingerprint.bytes < fingerprintBytes) {
      const known = fingerprint.bytes === 0 ? chunk : head;
      const readUpTo = this.#splitter.endOffset + chunk.length;
      this.#resume = { ...this.#resume, fingerprint: fingerprintOf(known, Math.min(known.length, readUpTo)) };
    }
    return true;
  }

  async #atEnd(file: OpenedFile): Promise<boolean> {
    const live = await this.#live();
    const look = await file.look();
    const { fingerprint } = this.#resume;
    if (look !== null) {
      const sameStart = fingerprint.bytes === 0 || beginsAs(look.head, fingerprint);
      if (!sameStart || look.size < this.#splitter.endOffset) {
        await this.#onTruncated();
        return true;
      }
    }
    if (look !== null && live !== null && String(live.ino) === file.inode) {
      this.#quietSince = undefined;
      this.#progress = { state: 'following', lagBytes: look.size - this.#splitter.nextOffset };
      return false;
    }
    return this.#leave(look === null, live);
  }

  /** The file is at its end and no longer at the path. */
  async #leave(compressed: boolean, live: BigIntStats | null): Promise<boolean> {
    this.#progress = { state: 'following', lagBytes: Number(live?.size ?? 0) };
    const successor = await this.#successor();
    if (successor === null) return false;
    if (successor.sameContent) return this.#switchTo(successor.path, successor.inode, this.#current());
    if (!compressed) {
      this.#quietSince ??= performance.now();
      if (performance.now() - this.#quietSince < this.#options.settleMs) return false;
    }
    const tail = this.#splitter.takeTail();
    if (tail !== undefined) {
      this.#tail = [tail];
      return true;
    }
    return this.#begin(successor, afterResume(this.#current()));
  }

  /** Known by what was found there: where that was cut away meanwhile, its copy is read. */
  #begin({ path, inode, fingerprint }: Successor, resume: FileResume): Promise<boolean> {
    return this.#switchTo(path, inode, { ...resume, fingerprint });
  }

  async #openSuccessor(): Promise<boolean> {
    const live = await this.#live();
    this.#progress =
      live === null ? { state: 'waiting' } : { state: 'following', lagBytes: Number(live.size) };
    const successor = await this.#successor();
    return successor !== null && this.#begin(successor, this.#resume);
  }

  #successor(): Promise<Successor | null> {
    return findSuccessor(this.#options.path, this.#current(), this.#file?.inode, this.#options.settleMs);
  }

  async #onTruncated(): Promise<void> {
    const resume = this.#current();
    const live = await this.#live();
    if (live !== null && (await this.#isOurs(live))) {
      this.#resume = resume;
      if (Number(live.size) < resume.offset) return this.#cutBack(live);
      // Only an unfinished line was cut, of which nothing was delivered.
      if (await this.#switchTo(this.#options.path, String(live.ino), resume)) return;
    }
    const copy = await findRotated(this.#options.path, resume);
    if (copy !== null && (await this.#switchTo(copy.path, copy.inode, resume))) return;
    this.#resume = resume;
    await this.close();
    this.#giveUp('truncated');
  }

  /**
   * The file is shorter than what was read of it and otherwise the same: a crash of its host took what was
   * not on disk yet. What is left was read, and what comes now stands at offsets that have another meaning.
   * Lines that were written after the crash and before this moment cannot be told from those: the gap.
   */
  async #cutBack(live: BigIntStats): Promise<void> {
    const { fingerprint, known } = this.#resume;
    this.#giveUp('truncated');
    await this.#switchTo(this.#options.path, String(live.ino), {
      ...this.#resume,
      offset: Number(live.size),
      fingerprint,
      known,
      modifiedNs: String(live.mtimeNs),
    });
  }

  #giveUp(kind: Gap['kind']): void {
    this.#gaps.push({ kind, position: `${this.#resume.generation}:${this.#resume.offset}` });
    this.#resume = afterResume(this.#resume);
    this.#splitter = new LineSplitter(0);
    this.#size = 0;
  }

  async #switchTo(path: string, inode: string, resume: FileResume): Promise<boolean> {
    const file = await openFile(path, inode, resume.offset);
    if (file === null) return false;
    await this.close();
    this.#file = file;
    this.#size = 0;
    this.#quietSince = undefined;
    this.#resume = await withFingerprint(resume, file);
    this.#splitter = new LineSplitter(resume.offset);
    return true;
  }

  #current(): FileResume {
    return { ...this.#resume, offset: this.#splitter.nextOffset };
  }

  #isOurs(live: BigIntStats): Promise<boolean> {
    return beginsAsResumed(this.#options.path, live, this.#resume);
  }

  #live(): Promise<BigIntStats | null> {
    return liveFile(this.#options.path);
  }
}

/** A plain file is known by what it begins with from the moment that it is opened. */
async function withFingerprint(resume: FileResume, file: OpenedFile): Promise<FileResume> {
  const look = await file.look();
  if (look === null) return resume;
  const { head } = look;
  const fingerprint = resume.fingerprint.bytes > 0 ? resume.fingerprint : fingerprintOf(head, head.length);
  return { ...resume, modifiedNs: String(look.modifiedNs), fingerprint };
}
