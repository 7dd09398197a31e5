import { createReadStream } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { makePrivateFolder, syncFolder } from '#shared/runtime';

/** Where packages lie: ciphertext only, staged in a folder each, then one file each. */
export interface PackageFolder {
  stagingPath(disclosureId: string): string;
  filePath(disclosureId: string): string;
  /** Bytes of the sealed package, or null where there is none. */
  size(disclosureId: string): Promise<number | null>;
  open(disclosureId: string): Readable;
  isStaged(disclosureId: string): Promise<boolean>;
  /** Removes a staging folder that no ledger entry announces. */
  discard(disclosureId: string): Promise<void>;
  /** Removes a package, sealed or not. */
  remove(disclosureId: string): Promise<void>;
  /** Ids of the disclosures that have a staging folder. */
  staged(): Promise<string[]>;
}

export async function openPackageFolder(folder: string): Promise<PackageFolder> {
  await makePrivateFolder(folder);
  const suffix = '.staged';
  const stagingPath = (id: string): string => join(folder, `${id}${suffix}`);
  const filePath = (id: string): string => join(folder, `${id}.tar`);
  const statOrNull = (path: string) => stat(path).catch(() => null);
  return {
    stagingPath,
    filePath,
    size: async (id) => (await statOrNull(filePath(id)))?.size ?? null,
    open: (id) => createReadStream(filePath(id)),
    isStaged: async (id) => (await statOrNull(stagingPath(id))) !== null,
    discard: (id) => rm(stagingPath(id), { recursive: true, force: true }),
    remove: async (id) => {
      await rm(filePath(id), { force: true });
      await rm(stagingPath(id), { recursive: true, force: true });
      await syncFolder(folder);
    },
    staged: async () =>
      (await readdir(folder))
        .filter((name) => name.endsWith(suffix))
        .map((name) => name.slice(0, -suffix.length)),
  };
}
