import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { privateModes } from '#shared/runtime';
import { type DiskLook, lookAtDisk } from '../encryption/disk-look.ts';
import { diskFolder, engineConfiguration } from '../encryption/engine-configuration.ts';
import { type KeyStore, openKeyStore } from '../encryption/key-store.ts';
import { assertKeysThere } from '../encryption/uses.ts';
import { StoreError } from '../errors.ts';
import { withKeysInEnvironment } from './engine-environment.ts';

export interface EncryptionOptions {
  /** Folder of the keys, outside the data; made where it is missing, for this user only. */
  readonly keyFolder: string;
  /** Clock reading at which a first key is made, milliseconds since the epoch. */
  readonly now: number;
}

/** The encrypted disk of an embedded engine that is not open yet, or closed for a moment. */
export interface EncryptedDisk {
  /** Whether its first key was made just now. */
  readonly isNew: boolean;
  readonly keys: KeyStore;
  /** The folder of the disk's files. */
  readonly folder: string;
  look(): Promise<DiskLook>;
  /**
   * Opens the engine with all keys that there are.
   * @param open takes the engine's arguments; synchronous, while the keys are where the engine finds them
   */
  opening<T>(open: (engineArguments: string[]) => T): Promise<T>;
}

/**
 * Makes ready what an engine needs to be opened on its encrypted disk: a first key for a new one, and every
 * key that its files need.
 * @throws {StoreError} `store.key_missing`, `store.keys_unusable`, `store.not_encrypted`
 */
export async function prepareDisk(
  engineFolder: string,
  { keyFolder, now }: EncryptionOptions,
): Promise<EncryptedDisk> {
  const folder = join(engineFolder, diskFolder);
  if (await hasPlainTables(engineFolder)) {
    throw new StoreError(
      'store.not_encrypted',
      'The data folder has tables in plain, of a version before the encrypted disk. Start with a new data folder; ' +
        'the old one ends with its retention period, or when you destroy it',
    );
  }
  const look = await lookAtDisk(folder);
  const keys = await openKeyStore(keyFolder);
  const there = await keys.list();
  assertKeysThere(there, look, keyFolder);
  const isNew = there.length === 0;
  if (isNew) await keys.create(now);
  return {
    isNew,
    keys,
    folder,
    look: () => lookAtDisk(folder),

    async opening(open) {
      const list = await keys.list();
      const file = join(keyFolder, 'engine.xml');
      await writeFile(file, engineConfiguration(engineFolder, { file, keys: list }), {
        mode: privateModes.file,
      });
      try {
        return withKeysInEnvironment(list, () => open([`--config-file=${file}`]));
      } finally {
        await rm(file, { force: true });
      }
    },
  };
}

/** Whether an engine without encryption made tables here: their files lie beside those of the databases. */
async function hasPlainTables(engineFolder: string): Promise<boolean> {
  const names = await readdir(join(engineFolder, 'store'), { recursive: true }).catch(() => []);
  return names.some((name) => name.endsWith('/format_version.txt'));
}
