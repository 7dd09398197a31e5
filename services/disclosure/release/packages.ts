import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { memberNames, openArchive, type PackageArchive } from '#shared/disclosure-package';
import { makePrivateFolder, syncFolder } from '#shared/runtime';

/**
 * Where packages lie: ciphertext only, in a folder each, which is renamed when it is sealed. Replicas share the
 * packages; what one stages is under its own name, so that none disturbs another's.
 */
export interface PackageFolder {
  /** Where this replica stages. */
  stagingPath(disclosureId: string): string;
  sealedPath(disclosureId: string): string;
  /** Where this replica writes a receipt on its way into the package. */
  temporaryPath(disclosureId: string): string;
  isSealed(disclosureId: string): Promise<boolean>;
  /** The sealed package as one file, or null where there is none. */
  open(disclosureId: string): Promise<PackageArchive | null>;
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
  const [sealed, going] = ['.sealed', '.going'];
  const own = replica === undefined ? '' : `.${replica}`;
  const suffix = `${own}${ending}`;
  const stagingPath = (id: string): string => join(folder, `${id}${suffix}`);
  const sealedPath = (id: string): string => join(folder, `${id}${sealed}`);
  const isSealed = (id: string): Promise<boolean> =>
    stat(sealedPath(id)).then(
      () => true,
      () => false,
    );
  const namesOf = async (id: string): Promise<string[]> =>
    (await readdir(folder)).filter((name) => name.startsWith(`${id}.`));
  const stagedOf = async (id: string): Promise<string[]> =>
    (await namesOf(id)).filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
  return {
    stagingPath,
    sealedPath,
    temporaryPath: (id) => join(folder, `${id}${own}.receipt`),
    isSealed,
    open: async (id) => ((await isSealed(id)) ? openArchive(sealedPath(id)) : null),
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
      // At once, so that no part of it is taken for a package where this is cut off.
      if (await isSealed(id)) await rename(sealedPath(id), join(folder, `${id}${going}`));
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
