import { spawn } from 'node:child_process';
import { z } from 'zod';
import { type LineSource, type SourceBatch, SourceError, type SourceProgress } from './source.ts';
import { createStreamSource } from './stream-source.ts';

export interface JournalSourceOptions {
  /** Program to run; `journalctl`. */
  readonly command: string;
  /** Journal matches, `FIELD=value`: the mail facility unless configured otherwise. */
  readonly matches: readonly string[];
  /** Folder of journal files, where it is not the host's own journal. */
  readonly directory?: string;
  readonly from: 'beginning' | 'end';
}

const resumeSchema = z.object({ generation: z.int().min(0), cursor: z.string().optional() });
type JournalResume = z.infer<typeof resumeSchema>;

/**
 * The systemd journal, followed with `journalctl --output=json` after the cursor of the last line that was
 * committed. The journal keeps its own position, so that nothing is lost or read twice over restarts, as
 * long as the journal itself still has it.
 */
export function createJournalSource(options: JournalSourceOptions): LineSource {
  return new JournalSource(options);
}

class JournalSource implements LineSource {
  readonly #options: JournalSourceOptions;
  #stream: LineSource | undefined;
  #stop: () => void = () => {};
  #resume: JournalResume = { generation: 0 };

  constructor(options: JournalSourceOptions) {
    this.#options = options;
  }

  async open(resume: unknown): Promise<unknown> {
    const before = resumeSchema.safeParse(resume);
    const cursor = before.success
      ? before.data.cursor
      : this.#options.from === 'end'
        ? await this.#lastCursor()
        : undefined;
    const where = cursor === undefined ? [] : [`--after-cursor=${cursor}`];
    const { output, stop } = run(this.#options, ['--follow', '--no-tail', ...where]);
    this.#stop = stop;
    this.#stream = createStreamSource(output);
    const opened = resumeSchema.parse(await this.#stream.open(before.success ? before.data : undefined));
    this.#resume = { ...opened, ...(cursor === undefined ? {} : { cursor }) };
    return this.#resume;
  }

  async read(maxLines: number, signal: AbortSignal): Promise<SourceBatch> {
    if (this.#stream === undefined) throw new Error('the journal source is not open');
    const batch = await this.#stream.read(maxLines, signal);
    for (const line of batch.lines.toReversed()) {
      const cursor = cursorOf(line.text);
      if (cursor === undefined) continue;
      this.#resume = { ...this.#resume, cursor };
      break;
    }
    // A followed journal has no end: its reader stopped, and is started again after the same cursor.
    if (batch.ended && batch.lines.length === 0 && !signal.aborted) throw commandFailed();
    return { ...batch, resume: this.#resume, ended: false };
  }

  progress(): SourceProgress {
    return { state: this.#stream === undefined ? 'waiting' : 'following' };
  }

  writtenMs(): undefined {}

  async close(): Promise<void> {
    this.#stop();
    await this.#stream?.close();
    this.#stream = undefined;
  }

  /** Where the journal ends now, so that "from the end" is a place and not a moment that a crash could move. */
  async #lastCursor(): Promise<string | undefined> {
    const { output, stop } = run(this.#options, ['--lines=1']);
    const chunks: Buffer[] = [];
    for await (const chunk of output) chunks.push(chunk);
    stop();
    const lines = Buffer.concat(chunks).toString('utf8').trim().split('\n');
    return cursorOf(lines.at(-1) ?? '');
  }
}

function run(options: JournalSourceOptions, more: readonly string[]) {
  const directory = options.directory === undefined ? [] : [`--directory=${options.directory}`];
  const child = spawn(
    options.command,
    ['--output=json', '--all', '--no-pager', '--quiet', ...directory, ...more, ...options.matches],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const failed = new Promise<never>((_resolve, reject) => child.once('error', () => reject(commandFailed())));
  failed.catch(() => {});
  async function* output(): AsyncGenerator<Buffer> {
    const chunks = (child.stdout as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    for (;;) {
      const { value, done } = await Promise.race([chunks.next(), failed]);
      if (done === true) return;
      yield value;
    }
  }
  return { output: output(), stop: () => void child.kill() };
}

function commandFailed(): SourceError {
  return new SourceError(
    'SOURCE_COMMAND_FAILED',
    'journalctl could not be run or stopped; is it installed, and may this user read the journal?',
  );
}

function cursorOf(line: string): string | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    const cursor =
      typeof entry === 'object' && entry !== null && '__CURSOR' in entry ? entry.__CURSOR : undefined;
    return typeof cursor === 'string' && cursor.length <= 512 ? cursor : undefined;
  } catch {
    return undefined;
  }
}
