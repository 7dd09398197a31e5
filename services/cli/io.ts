import type { Writable } from 'node:stream';

/** What the command line touches of the world; `main.ts` gives the process's, tests give their own. */
export interface CliIo {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: Writable;
  /** Messages for people and errors; progress is shown where it is a terminal. */
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Environment variables: how commands about Kafka and ClickHouse learn what options do not say. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the epoch. */
  now(): number;
  readonly fetch: typeof globalThis.fetch;
  /** Asks the person at the terminal for a secret, which is not shown; absent where there is no terminal. */
  readonly askSecret?: ((question: string) => Promise<string>) | undefined;
  /** Calls `stop` at the first request to end (Ctrl-C, SIGTERM); for commands that run until then. */
  onStop(stop: () => void): void;
  /** Runs this program again beside this one, with its log written to a file. */
  startSelf(args: readonly string[], logFile: string): SelfProcess;
}

/** This program in a process of its own. */
export interface SelfProcess {
  /** Its standard output. */
  readonly output: AsyncIterable<Uint8Array>;
  /** Asks it to end; resolves to its exit code. */
  stop(): Promise<number | null>;
}

/** Writes and waits until the stream has taken it: memory stays flat however slowly the other side reads. */
export async function write(stream: Writable, data: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.write(data, (error) => (error ? reject(error) : resolve()));
  });
}

/** Whether the reader of our output went away (`griffie … | head`): nothing to complain about. */
export function isClosedPipe(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED';
}
