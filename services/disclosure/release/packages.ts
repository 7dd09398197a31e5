import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { memberNames } from '#shared/disclosure-package';
import { makePrivateFolder, syncFolder } from '#shared/runtime';

/**
 * Where packages lie: ciphertext only, staged in a folder each, then one file each. Replicas share the
 * packages; what one stages is under its own name, so that none disturbs another's.
 */
export interface PackageFolder {
  /** Where this replica stages. */
  stagingPath(disclosureId: string): string;
  filePath(disclosureId: string): string;
  /** Where this replica writes the sealed package on its way there. */
  temporaryPath(disclosureId: string): string;
  /** Bytes of the sealed package, or null where there is none. */
  size(disclosureId: string): Promise<number | null>;
  open(disclosureId: string): Readable;
  /** Whether any replica has staged it. */
  isStaged(disclosureId: string): Promise<boolean>;
  /** The staging folder, whoever's, of the package with this manifest; null where there is none. */
  findStaged(disclosureId: string, manifestSha256: string): Promise<string | null>;
  /** Removes this replica's staging folder that no ledger entry announces. */
  discard(disclosureId: string): Promise<void>;
  /** Removes a package, sealed or not. */
  remove(disclosureId: string): Promise<void>;
  /** Ids of the disclosures that this replica has staged. */
  staged(): Promise<string[]>;
}

/** @param replica its name, where several share the folder */
export async function openPackageFolder(folder: string, replica?: string): Promise<PackageFolder> {
  await makePrivateFolder(folder);
  const ending = '.staged';
  const own = replica === undefined ? '' : `.${replica}`;
  const suffix = `${own}${ending}`;
  const stagingPath = (id: string): string => join(folder, `${id}${suffix}`);
  const filePath = (id: string): string => join(folder, `${id}.tar`);
  const statOrNull = (path: string) => stat(path).catch(() => null);
  const namesOf = async (id: string): Promise<string[]> =>
    (await readdir(folder)).filter((name) => name.startsWith(`${id}.`));
  const stagedOf = async (id: string): Promise<string[]> =>
    (await namesOf(id)).filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
  return {
    stagingPath,
    filePath,
    temporaryPath: (id) => `${filePath(id)}${own}.tmp`,
    size: async (id) => (await statOrNull(filePath(id)))?.size ?? null,
    open: (id) => createReadStream(filePath(id)),
    isStaged: async (id) => (await stagedOf(id)).length > 0,
    findStaged: async (id, manifestSha256) => {
      for (const path of await stagedOf(id)) {
        const manifest = await readFile(join(path, memberNames.manifest)).catch(() => null);
        if (manifest === null) continue;
        if (createHash('sha256').update(manifest).digest('hex') === manifestSha256) return path;
      }
      return null;
    },
    discard: (id) => rm(stagingPath(id), { recursive: true, force: true }),
    remove: async (id) => {
      for (const name of await namesOf(id)) await rm(join(folder, name), { recursive: true, force: true });
      await syncFolder(folder);
    },
    staged: async () =>
      (await readdir(folder))
        .filter((name) => name.endsWith(suffix))
        .map((name) => name.slice(0, -suffix.length))
        .filter((id) => !id.includes('.')),
  };
}
