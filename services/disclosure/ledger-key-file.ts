import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { createNoteSigner, generateNoteKey, type NoteSigner } from '#shared/ledger';
import { syncFolder, writeFileDurably } from '#shared/runtime';
import { KeyFileError, keyFiles, readSecret } from './keys.ts';

/*
 * The ledger's key in the key folder. While it is changed there are two: the new one waits in a file of its
 * own until the ledger says that it is the log's key; then it is the key, and the old one signs beside it
 * until the change is finished.
 */

const schema = z.strictObject({
  origin: z.string(),
  /** PKCS #8 PEM. */
  privateKey: z.string(),
  /** The key before it, while it still signs as well. */
  previousKey: z.string().optional(),
});
export type LedgerKey = z.infer<typeof schema>;

/** The key that a change is to lead to; there while one is under way. */
const nextFile = 'ledger-signing-key.next.json';

export const ledgerKeyText = (key: LedgerKey): string => `${JSON.stringify(key, null, 2)}\n`;

/** @throws KeyFileError where it is no key file, or its keys are none */
export function parseLedgerKey(text: string, name: string = keyFiles.ledger): LedgerKey {
  try {
    const key = schema.parse(JSON.parse(text));
    signerOf(key);
    return key;
  } catch {
    // The cause is dropped on purpose: nothing about a private key goes further.
    throw new KeyFileError(name, 'cannot be read');
  }
}

/** Signs with the key, and with the one before it while that is there. */
export function signerOf({ origin, privateKey, previousKey }: LedgerKey): NoteSigner {
  const signer = createNoteSigner(origin, privateKey);
  return previousKey === undefined ? signer : { ...signer, also: createNoteSigner(origin, previousKey) };
}

/** @throws KeyFileError where it is not there */
export async function readLedgerKey(folder: string): Promise<LedgerKey> {
  const text = await readSecret(join(folder, keyFiles.ledger), keyFiles.ledger);
  if (text === null) throw new KeyFileError(keyFiles.ledger, 'is missing');
  return parseLedgerKey(text);
}

/** Replaces the key at once and durably. */
export function writeLedgerKey(folder: string, key: LedgerKey): Promise<void> {
  return writeFileDurably(join(folder, keyFiles.ledger), ledgerKeyText(key));
}

/** The key that waits, or null. */
export async function readNextKey(folder: string): Promise<LedgerKey | null> {
  const text = await readSecret(join(folder, nextFile), nextFile);
  return text === null ? null : parseLedgerKey(text, nextFile);
}

export async function makeNextKey(folder: string, origin: string): Promise<LedgerKey> {
  const next = { origin, privateKey: generateNoteKey() };
  await writeFileDurably(join(folder, nextFile), ledgerKeyText(next));
  return next;
}

export async function removeNextKey(folder: string): Promise<void> {
  await rm(join(folder, nextFile), { force: true });
  await syncFolder(folder);
}
