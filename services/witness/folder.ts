import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type Cosigner, createCosigner, generateNoteKey } from '#shared/ledger';
import { lockFolder, makePrivateFolder, writeFileDurably } from '#shared/runtime';
import { WitnessError } from './errors.ts';
import { type FollowedRotation, readFollowed } from './followed-keys.ts';
import { beginState, readOptional, readState, stateFile, type WitnessState } from './state.ts';

export const keyFile = 'witness-key.json';

const keySchema = z.strictObject({ name: z.string(), privateKey: z.string() });

/** A witness's folder, under its lock. */
export interface WitnessFolder {
  readonly path: string;
  readonly cosigner: Cosigner;
  readonly state: WitnessState;
  /** Changes of key that were followed. */
  readonly followed: readonly FollowedRotation[];
  /** Whether the key was made just now. */
  readonly isNew: boolean;
  /** Whether nobody took the lock away. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * Opens a witness's folder, or makes one: its key, and what it cosigned last. The two belong together. A key
 * whose state was lost could be led to cosign a second history, so it is never used again.
 * @param name of a new witness; an old one must have it
 * @throws WitnessError
 */
export async function openWitnessFolder(folder: string, name: string): Promise<WitnessFolder> {
  const path = resolve(folder);
  await makePrivateFolder(path);
  const lock = await lockFolder(path);
  if (lock === null) throw new WitnessError('witness.locked', 'another running process has this folder');
  try {
    const keyText = await readOptional(join(path, keyFile));
    const found = await readState(path);
    if (keyText !== null && found === null) {
      throw new WitnessError(
        'witness.state_lost',
        `${stateFile} is missing beside a key that was used. What it cosigned is not known any more: begin a new witness with a new key in another folder, and tell those who rely on this one. Do not restore the state from a backup, which may be older`,
      );
    }
    if (keyText === null && found !== null && !found.isEmpty) {
      throw new WitnessError(
        'witness.key_lost',
        `${keyFile} is missing; restore it, or begin anew elsewhere`,
      );
    }
    // The state first: who dies in between finds a state of nothing, and makes the key.
    const state = found ?? (await beginState(path));
    const cosigner = keyText === null ? await makeKey(path, name) : readKey(keyText, name);
    return { path, cosigner, state, followed: await readFollowed(path), isNew: keyText === null, ...lock };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function makeKey(path: string, name: string): Promise<Cosigner> {
  const privateKey = generateNoteKey();
  const cosigner = createCosigner(name, privateKey);
  await writeFileDurably(join(path, keyFile), `${JSON.stringify({ name, privateKey }, null, 2)}\n`);
  return cosigner;
}

function readKey(text: string, name: string): Cosigner {
  const cosigner = parseKey(text);
  if (cosigner === null) throw new WitnessError('witness.key_unusable', `${keyFile} cannot be read`);
  if (cosigner.verifier.name !== name) {
    throw new WitnessError(
      'witness.key_unusable',
      `${keyFile} is the key of a witness of another name; give that name, or another folder`,
    );
  }
  return cosigner;
}

function parseKey(text: string): Cosigner | null {
  try {
    const { name, privateKey } = keySchema.parse(JSON.parse(text));
    return createCosigner(name, privateKey);
  } catch {
    // The cause is dropped on purpose: nothing about a private key goes further.
    return null;
  }
}
