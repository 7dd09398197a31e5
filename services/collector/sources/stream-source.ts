import { z } from 'zod';
import { LineSplitter } from './line-splitter.ts';
import {
  type LineSource,
  pause,
  type SourceBatch,
  type SourceLine,
  type SourceProgress,
  sourceLimits,
} from './source.ts';

/** How long lines wait for company once one is there, milliseconds. */
const gatherMs = 200;

const resumeSchema = z.object({ generation: z.int().min(0) });

/**
 * Standard input, or any stream that is read once. It cannot be read again: each start is a generation of
 * its own, which is committed before its first line, so that positions never repeat. Lines that were read
 * and not published when the process was killed are lost, unless whoever writes them sends them again;
 * follow a file or the journal where that matters.
 */
export function createStreamSource(input: AsyncIterable<Uint8Array>): LineSource {
  return new StreamSource(input);
}

class StreamSource implements LineSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #splitter = new LineSplitter(0);
  #next: Promise<IteratorResult<Uint8Array>> | undefined;
  #resume = { generation: 1 };
  #ended = false;

  constructor(input: AsyncIterable<Uint8Array>) {
    this.#chunks = input[Symbol.asyncIterator]();
  }

  async open(resume: unknown): Promise<unknown> {
    const before = resumeSchema.safeParse(resume);
    this.#resume = { generation: (before.success ? before.data.generation : 0) + 1 };
    return this.#resume;
  }

  async read(maxLines: number, signal: AbortSignal): Promise<SourceBatch> {
    const lines: SourceLine[] = [];
    const deadline = performance.now() + sourceLimits.pollMs;
    let waitUntil = deadline;
    for (;;) {
      this.#take(lines, maxLines);
      if (lines.length > 0) waitUntil = Math.min(waitUntil, performance.now() + gatherMs);
      const wait = waitUntil - performance.now();
      if (lines.length >= maxLines || this.#ended || signal.aborted || wait <= 0) break;
      try {
        if (!(await this.#pull(wait, signal))) break;
      } catch (error) {
        // The next read meets the same error; what came before it is delivered first.
        if (lines.length === 0) throw error;
        break;
      }
    }
    const ended = this.#ended && lines.length < maxLines;
    return { lines, gaps: [], resume: this.#resume, ended };
  }

  progress(): SourceProgress {
    return { state: 'following' };
  }

  writtenMs(): undefined {}

  async close(): Promise<void> {
    // Not awaited: a generator that waits for input answers only when some comes.
    if (!this.#ended) this.#chunks.return?.().catch(() => {});
    this.#ended = true;
  }

  #take(lines: SourceLine[], maxLines: number): void {
    const name = ({ offset, ...line }: { offset: number; text: string }): SourceLine => ({
      position: `${this.#resume.generation}:${offset}`,
      ...line,
    });
    lines.push(...this.#splitter.take(maxLines - lines.length).map(name));
    if (!this.#ended || lines.length >= maxLines) return;
    const tail = this.#splitter.takeTail();
    if (tail !== undefined) lines.push(name(tail));
  }

  /** Another chunk within the time: true. One that comes later is kept for the next read. */
  async #pull(waitMs: number, signal: AbortSignal): Promise<boolean> {
    this.#next ??= this.#chunks.next();
    const timer = new AbortController();
    const stop = AbortSignal.any([signal, timer.signal]);
    const result = await Promise.race([this.#next, pause(waitMs, stop).then(() => undefined)]);
    timer.abort();
    if (result === undefined) return false;
    this.#next = undefined;
    if (result.done === true) this.#ended = true;
    else this.#splitter.push(Buffer.from(result.value));
    return true;
  }
}
