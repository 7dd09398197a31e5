import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Decrypter, Encrypter, identityToRecipient } from 'age-encryption';
import { commitTo, createSalt, saltBytes } from '#shared/ledger';
import { makePrivateFolder, syncFolder, writeFileDurably } from '#shared/runtime';

/** A case file that the ledger speaks of is not there, or is not what the ledger speaks of. */
export class CaseFileError extends Error {
  readonly code: 'case_file.missing' | 'case_file.altered';
  constructor(code: 'case_file.missing' | 'case_file.altered') {
    super(code === 'case_file.missing' ? 'a case file is missing' : 'a case file is not the one recorded');
    this.name = 'CaseFileError';
    this.code = code;
  }
}

/** Orders, their documents and requests: what the ledger commits to and must not hold. */
export interface CaseFiles {
  /**
   * Keeps bytes durably and returns the commitment that the ledger entry must carry. Written before the
   * entry: a crash in between leaves a file that nothing refers to.
   */
  put(orderId: string, name: string, bytes: Uint8Array): Promise<string>;
  /** @throws CaseFileError unless the file is there and is the one that `commitment` is of. */
  get(orderId: string, name: string, commitment: string | undefined): Promise<Uint8Array>;
}

/**
 * Case files in a folder, one subfolder per order, each an age file under a fresh key to the master
 * identity: deleting a file erases its contents, and the commitment in the ledger then commits to nothing.
 * @param masterIdentity `AGE-SECRET-KEY-1…`
 */
export async function openCaseFiles(folder: string, masterIdentity: string): Promise<CaseFiles> {
  await makePrivateFolder(folder);
  const recipient = await identityToRecipient(masterIdentity);
  const decrypter = new Decrypter();
  decrypter.addIdentity(masterIdentity);
  const pathOf = (orderId: string, name: string): string => {
    // Both are ours (UUIDs and constants); the check is for the day when somebody passes something else.
    if (!/^[0-9a-f-]{36}$/.test(orderId) || !/^[a-z0-9-]+$/.test(name))
      throw new TypeError('no case file name');
    return join(folder, orderId, `${name}.age`);
  };
  return {
    put: async (orderId, name, bytes) => {
      const salt = createSalt();
      const encrypter = new Encrypter();
      encrypter.addRecipient(recipient);
      const sealed = await encrypter.encrypt(Buffer.concat([salt, bytes]));
      const path = pathOf(orderId, name);
      await makePrivateFolder(dirname(path));
      await syncFolder(folder);
      await writeFileDurably(path, sealed);
      return commitTo(salt, bytes);
    },
    get: async (orderId, name, commitment) => {
      let opened: Uint8Array;
      try {
        opened = await decrypter.decrypt(await readFile(pathOf(orderId, name)));
      } catch (error) {
        const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
        throw new CaseFileError(missing ? 'case_file.missing' : 'case_file.altered');
      }
      const bytes = opened.subarray(saltBytes);
      if (opened.length < saltBytes || commitTo(opened.subarray(0, saltBytes), bytes) !== commitment) {
        throw new CaseFileError('case_file.altered');
      }
      return bytes;
    },
  };
}
