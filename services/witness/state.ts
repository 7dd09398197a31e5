import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Checkpoint, parseCheckpoint, type SignedCheckpoint } from '#shared/ledger';
import { writeFileDurably } from '#shared/runtime';
import { WitnessError } from './errors.ts';

/*
 * What the witness cosigned last, of each log: the one thing that it must never forget. One small file,
 * replaced whole: a temporary file, fsync, rename, fsync of the folder.
 */

export const stateFile = 'state.json';

const schema = z.strictObject({
  v: z.literal(1),
  /** The signed checkpoint by origin, verbatim. */
  logs: z.record(z.string(), z.string()),
});

export interface WitnessState {
  /** What was cosigned last of this origin; null for nothing. */
  latest(origin: string): SignedCheckpoint | null;
  /**
   * Durable when it resolves. Where it rejects, nothing has changed: what did not become durable is not
   * cosigned, so that it does not matter which of the two a loss of power leaves behind.
   */
  advance(checkpoint: SignedCheckpoint): Promise<void>;
  readonly isEmpty: boolean;
}

/**
 * @returns null where there is no state.
 * @throws WitnessError `witness.state_damaged`
 */
export async function readState(folder: string): Promise<WitnessState | null> {
  const text = await readOptional(join(folder, stateFile));
  return text === null ? null : createState(folder, parseState(text));
}

/** Begins the state of a new witness, durably. */
export async function beginState(folder: string): Promise<WitnessState> {
  await writeFileDurably(join(folder, stateFile), formatState(new Map()));
  return createState(folder, new Map());
}

function createState(folder: string, read: ReadonlyMap<string, SignedCheckpoint>): WitnessState {
  let latest = read;
  return {
    latest: (origin) => latest.get(origin) ?? null,
    get isEmpty() {
      return latest.size === 0;
    },
    advance: async (checkpoint) => {
      const next = new Map(latest).set(checkpoint.origin, checkpoint);
      // Also where it is the same: an earlier write may have failed after the rename, and before the sync.
      await writeFileDurably(join(folder, stateFile), formatState(next));
      latest = next;
    },
  };
}

function formatState(latest: ReadonlyMap<string, SignedCheckpoint>): string {
  const logs = Object.fromEntries([...latest].map(([origin, { note }]) => [origin, note]));
  return `${JSON.stringify({ v: 1, logs }, null, 2)}\n`;
}

function parseState(text: string): Map<string, SignedCheckpoint> {
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) throw damaged();
  return new Map(
    Object.entries(parsed.data.logs).map(([origin, note]) => {
      const checkpoint = checkpointOf(note);
      if (checkpoint?.origin !== origin) throw damaged();
      return [origin, { ...checkpoint, note }];
    }),
  );
}

/** Its signature was verified before it was written; the log may have another key by now. */
function checkpointOf(note: string): Checkpoint | null {
  return parseCheckpoint(note.slice(0, note.lastIndexOf('\n\n') + 1));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged();
  }
}

function damaged(): WitnessError {
  return new WitnessError(
    'witness.state_damaged',
    `${stateFile} cannot be read. A witness that does not know what it cosigned must not go on: keep the folder, and begin a new witness with a new key in another one`,
  );
}

export async function readOptional(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
