import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createMasterKey, generateMasterKey, type MasterKey, masterKeyFileText } from '#shared/case-files';
import type { ManifestSigner } from '#shared/disclosure-package';
import { generateNoteKey, type NoteSigner } from '#shared/ledger';
import { makePrivateFolder, writeFileDurably } from '#shared/runtime';
import {
  exportPrivateJwk,
  generateKey,
  importPrivateJwk,
  type PublicJwk,
  type SigningKey,
} from '#shared/signed-request';
import { snapshotKeyOf } from './control/snapshot-file.ts';
import { ledgerKeyText, parseLedgerKey, signerOf } from './ledger-key-file.ts';

/** File names in the key folder. Each is a secret, readable by the service's own user only. */
export const keyFiles = {
  ledger: 'ledger-signing-key.json',
  manifest: 'manifest-signing-key.json',
  caseMaster: 'case-master-keys.txt',
} as const;

export interface ServiceKeys {
  readonly ledger: NoteSigner;
  readonly manifest: ManifestSigner;
  readonly manifestPublicKey: PublicJwk;
  /** Secret under which a kept control state is believed; no file of its own. */
  readonly snapshotKey: Uint8Array;
  /** What the keys of cases are wrapped under. */
  readonly caseMasterKey: MasterKey;
  /** Keys that were made just now, by file; none on later starts. */
  readonly made: readonly string[];
}

/** A key file that is there and cannot be used. */
export class KeyFileError extends Error {
  readonly code = 'keys.unusable';
  constructor(file: string, why: string) {
    super(`the key file ${file} ${why}; restore it from backup`);
    this.name = 'KeyFileError';
  }
}

/**
 * Reads the service's keys, or makes those of a new installation. Keys are made only where the ledger has
 * not begun: a missing key beside an existing ledger is a loss, and replacing it quietly would hide that.
 */
export async function openKeys(
  folder: string,
  options: {
    readonly publicUrl: string;
    readonly isNew: boolean;
    /** Master keys of the case files from elsewhere than the folder: no file is made or read for them. */
    readonly caseMasterKeys?: string | undefined;
  },
): Promise<ServiceKeys> {
  await makePrivateFolder(folder);
  const made: string[] = [];

  async function readOrMake(name: string, make: () => Promise<string>): Promise<string> {
    const path = join(folder, name);
    const found = await readSecret(path, name);
    if (found !== null) return found;
    if (!options.isNew) throw new KeyFileError(name, 'is missing');
    const secret = await make();
    await writeFileDurably(path, secret);
    made.push(name);
    return secret;
  }

  const ledgerText = await readOrMake(keyFiles.ledger, async () => {
    const origin = `${options.publicUrl.replace(/^https?:\/\//, '')}/ledger`;
    return ledgerKeyText({ origin, privateKey: generateNoteKey() });
  });
  const manifestText = await readOrMake(keyFiles.manifest, async () => jwkText(await generateKey('EdDSA')));
  const masterText =
    options.caseMasterKeys ??
    (await readOrMake(keyFiles.caseMaster, async () => masterKeyFileText([generateMasterKey()])));
  const ledger = parseLedgerKey(ledgerText);
  const manifest = await importKey(keyFiles.manifest, manifestText);
  return {
    ledger: signerOf(ledger),
    manifest: { kid: manifest.kid, privateKey: manifest.privateKey },
    manifestPublicKey: manifest.publicJwk,
    snapshotKey: snapshotKeyOf(ledger.privateKey),
    caseMasterKey: parse(keyFiles.caseMaster, () => createMasterKey(masterText)),
    made,
  };
}

/** What whoever installs the service must do about keys that were made just now; nothing where none were. */
export function announceKeys(folder: string, made: readonly string[]): string[] {
  if (made.length === 0) return [];
  return [
    `New installation. These secrets were made in ${folder}:`,
    ...made.map((name) => `  ${name}`),
    'Back them up apart from the data. Without them nothing can be signed or read.',
  ];
}

/** What is missing before anybody can be enrolled; nothing where two people can act as administrators. */
export function announceAdministrators(count: number): string[] {
  if (count >= 2) return [];
  return [
    `Administrators: ${count}, and it takes two to enrol anybody. Have their keys made, each by its owner, then`,
    'run griffie service bootstrap on this machine, and start again.',
  ];
}

async function jwkText(key: SigningKey): Promise<string> {
  return `${JSON.stringify(await exportPrivateJwk(key), null, 2)}\n`;
}

/** @returns null where there is no such file. @throws KeyFileError where others can read it */
export async function readSecret(path: string, name: string): Promise<string | null> {
  const found = await stat(path).catch(() => null);
  if (found === null) return null;
  if ((found.mode & 0o077) !== 0) throw new KeyFileError(name, 'can be read by others than the service');
  return readFile(path, 'utf8');
}

async function importKey(name: string, text: string): Promise<SigningKey> {
  try {
    return await importPrivateJwk(JSON.parse(text));
  } catch {
    throw new KeyFileError(name, 'holds no usable private key');
  }
}

function parse<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch {
    throw new KeyFileError(name, 'cannot be read');
  }
}
