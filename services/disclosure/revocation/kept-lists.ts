import { randomUUID } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type JudgedList,
  parseRevocationList,
  type RevocationList,
  readListFile,
  writeListFile,
} from '#shared/certificates';
import { makePrivateFolder, writeFileDurably } from '#shared/runtime';

/**
 * The lists that the ledger says are, or were, in use, each in a PEM file by its digest with the certificates
 * of who signed it. Replicas share the folder; an auditor makes decisions again from a copy.
 */
export interface KeptLists {
  /** Durable when it resolves. */
  keep(judged: JudgedList, der: Uint8Array): Promise<void>;
  /** @returns null where it is not there, or no longer what its name says */
  read(sha256: string): Promise<RevocationList | null>;
}

export async function openKeptLists(folder: string): Promise<KeptLists> {
  await makePrivateFolder(folder);
  const pathOf = (sha256: string): string => join(folder, `${sha256}.pem`);
  return {
    keep: async ({ list: { sha256 }, path }, der) => {
      if (await isThere(pathOf(sha256))) return;
      const temporary = join(folder, `.${randomUUID()}`);
      await writeFileDurably(pathOf(sha256), writeListFile({ lists: [der], certificates: path }), temporary);
    },
    read: async (sha256) => {
      const bytes = await readFile(pathOf(sha256)).catch(() => null);
      const [der] = (bytes && readListFile(bytes)?.lists) ?? [];
      const parsed = der && parseRevocationList(der);
      return parsed?.ok && parsed.list.sha256 === sha256 ? parsed.list : null;
    },
  };
}

/** Where no lists are asked. */
export const noLists: KeptLists = { keep: () => Promise.resolve(), read: () => Promise.resolve(null) };

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
