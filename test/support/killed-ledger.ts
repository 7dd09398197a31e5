import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createNoteSigner,
  generateNoteKey,
  type NoteSigner,
  openCheckpoint,
  type SignedCheckpoint,
} from '#shared/ledger';

/** What tests that kill writers of ledgers have in common. */
export interface KilledLedgers {
  /** Folder for the ledgers. */
  readonly base: string;
  /** File of the key, for the processes. */
  readonly keyFile: string;
  readonly signer: NoteSigner;
  /** The checkpoint that an outsider finds in a ledger's folder now. */
  published(folder: string): Promise<SignedCheckpoint>;
  remove(): void;
}

export function makeKilledLedgers(): KilledLedgers {
  const base = mkdtempSync(join(tmpdir(), 'griffie-ledger-kill-'));
  const key = generateNoteKey();
  const keyFile = join(base, 'key.pem');
  writeFileSync(keyFile, key, { mode: 0o600 });
  const signer = createNoteSigner('log.example/griffie', key);
  return {
    base,
    keyFile,
    signer,
    published: async (folder) => {
      const opened = openCheckpoint(await readFile(join(folder, 'checkpoint'), 'utf8'), [signer.verifier]);
      if (!opened.ok) throw new Error(`a reader saw a bad checkpoint: ${opened.reason}`);
      return opened.checkpoint;
    },
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}
