import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createCli } from '../../../services/cli/cli.ts';
import type { CliIo } from '../../../services/cli/io.ts';

/** What a command left: exit code and what it printed. */
export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as JSON. */
  json(): Record<string, unknown>;
  /** The error object of `--json` on standard error. */
  error(): { code: string; message: string; problems?: { path: string; rule?: string; sentence: string }[] };
}

export interface World {
  readonly stdin?: AsyncIterable<Uint8Array> | undefined;
  readonly stdout?: Writable;
  readonly env?: CliIo['env'];
  readonly now?: () => number;
  readonly fetch?: typeof globalThis.fetch;
}

/** Runs a command in process, as `main.ts` does. */
export async function run(args: readonly string[], world: World = {}): Promise<Ran> {
  const [stdout, stderr] = [new Collected(), new Collected()];
  const io: CliIo = {
    stdin: world.stdin ?? bytes(''),
    stdout: world.stdout ?? stdout,
    stderr,
    env: world.env ?? {},
    now: world.now ?? (() => Date.now()),
    fetch: world.fetch ?? globalThis.fetch,
    onStop: () => {},
    startSelf: () => {
      throw new Error('no command under test starts another process');
    },
  };
  const exitCode = await createCli(io).run(args);
  return {
    exitCode,
    stdout: stdout.text(),
    stderr: stderr.text(),
    json: () => JSON.parse(stdout.text()),
    error: () => JSON.parse(stderr.text()).error,
  };
}

export async function* bytes(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

/** Keeps what is written to it. */
export class Collected extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(Buffer.from(chunk));
    done();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

/** A folder of the test's own. */
export interface Folder {
  path(name: string): string;
  write(name: string, content: unknown): string;
  remove(): void;
}

export function makeFolder(): Folder {
  const folder = mkdtempSync(join(tmpdir(), 'griffie-cli-'));
  return {
    path: (name) => join(folder, name),
    write: (name, content) => {
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      writeFileSync(join(folder, name), text, { mode: 0o600 });
      return join(folder, name);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
