import { Writable } from 'node:stream';
import { z } from 'zod';
import { createCli } from '../cli.ts';
import { type CliError, exitCodes, refused } from '../errors.ts';
import { type CliIo, write } from '../io.ts';

/** What a command printed. */
export interface Told {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Something did not go as it must: the demo ends with exit code 1 and says what. */
export function demoFault(message: string): CliError {
  return refused('demo.failed', message);
}

/** Where the demo is played: it shows each command before it runs, and what came of it. */
export class Stage {
  readonly #io: CliIo;
  #step = 0;
  readonly #steps: number;

  constructor(io: CliIo, steps: number) {
    this.#io = io;
    this.#steps = steps;
  }

  async scene(title: string): Promise<void> {
    this.#step += 1;
    await this.say(`\n[${this.#step}/${this.#steps}] ${title}`);
  }

  async say(line: string): Promise<void> {
    await write(this.#io.stdout, `${line}\n`);
  }

  /** Runs a command of this program as a person would type it; it must succeed. Returns its JSON. */
  async does(who: string, args: readonly string[]): Promise<Record<string, unknown>> {
    await this.#show(who, args);
    const told = await this.run([...args, '--json']);
    if (told.exitCode !== exitCodes.done) throw demoFault(`griffie ${args.join(' ')}: ${told.stderr.trim()}`);
    const result: unknown = JSON.parse(told.stdout);
    return typeof result === 'object' && result !== null ? { ...result } : {};
  }

  /** Runs a command that must be refused with this code, and shows why. */
  async isRefused(who: string, args: readonly string[], code: string): Promise<void> {
    await this.#show(who, args);
    const told = await this.run([...args, '--json']);
    const found = errorOf(told.stderr);
    if (told.exitCode !== exitCodes.refused || found.code !== code) {
      throw demoFault(
        `griffie ${args.join(' ')} should have been refused with ${code}: ${told.stderr.trim()}`,
      );
    }
    await this.say(`      refused (${code}): ${found.message}`);
    for (const problem of found.problems.slice(0, 3)) await this.say(`        - ${problem}`);
    const more = found.problems.length - 3;
    if (more > 0) await this.say(`        … and ${more} more`);
  }

  async run(args: readonly string[], stdin: CliIo['stdin'] = nothing()): Promise<Told> {
    const [stdout, stderr] = [new Collected(), new Collected()];
    const exitCode = await createCli({ ...this.#io, stdin, stdout, stderr }).run(args);
    return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
  }

  async #show(who: string, args: readonly string[]): Promise<void> {
    await this.say(`    ${who}$ griffie ${args.map(shorten).join(' ')}`);
  }
}

/** Paths are shown by their file names: the folder was named at the beginning. */
function shorten(arg: string): string {
  return arg.replace(/(^|=)\/.*\//, '$1');
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

class Collected extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(Buffer.from(chunk));
    done();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

interface ShownError {
  readonly code: string;
  readonly message: string;
  readonly problems: readonly string[];
}

const printedError = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    problems: z.array(z.object({ sentence: z.string(), source: z.string().optional() })).default([]),
  }),
});

/** The error object that `--json` prints on standard error, after whatever was said there before. */
function errorOf(stderr: string): ShownError {
  const start = stderr.startsWith('{') ? 0 : stderr.indexOf('\n{') + 1;
  const { error } = printedError.parse(JSON.parse(stderr.slice(start)));
  return {
    ...error,
    problems: error.problems.map(({ sentence, source }) => (source ? `${sentence} [${source}]` : sentence)),
  };
}
