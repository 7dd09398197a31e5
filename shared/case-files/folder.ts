import { link, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, makePrivateFolder, syncFolder, writeFileDurably, writeFileSynced } from '#shared/runtime';
import { caseKeyFile, generateCaseKey, unwrapCaseKey, wrapCaseKey } from './case-key.ts';
import { CaseFileError } from './errors.ts';
import type { MasterKey } from './master-key.ts';
import { openCaseFile, sealCaseFile } from './sealed-file.ts';

/*
 * Case files in a folder:
 *
 *   <order id>/case-key.json   the case's key, wrapped under the master key
 *   <order id>/<name>.age      an age file to that key: a salt, then the bytes
 *   <order id>/<name>-<digest>.age   the same, where that name was taken; the digest begins its commitment
 *
 * A case file is written under the name with its digest, which no other has, synced, and then given the plain
 * name if that is free. None is ever written over: of replicas that put one version at a time all but one come
 * to nothing in the ledger, and must not take the file of the one that counts. The key is durable before the
 * first file, and goes before the last: a crash leaves a key without files, or files that nobody can open.
 */

/** Orders, their documents and requests: what the ledger commits to and must not hold. */
export interface CaseFiles {
  /**
   * Keeps bytes durably and returns the commitment that the ledger entry must carry. Written before the
   * entry: a crash in between leaves a file that nothing refers to.
   * @throws CaseFileError where the case has files and its key is gone: no second key is made for it.
   */
  put(orderId: string, name: string, bytes: Uint8Array): Promise<string>;
  /** @throws CaseFileError unless the file is there and is the one that `commitment` is of. */
  get(orderId: string, name: string, commitment: string | undefined): Promise<Uint8Array>;
  /** Destroys the case's key, then its files. Does nothing more where that was done. */
  erase(orderId: string): Promise<void>;
}

/** Case files in `folder`, each case under a key of its own. */
export async function openCaseFiles(folder: string, master: MasterKey): Promise<CaseFiles> {
  await makePrivateFolder(folder);

  async function keyForWriting(orderId: string): Promise<string> {
    const path = caseFilePath(folder, orderId, caseKeyFile);
    const found = await readOptional(path);
    if (found !== null) return (await unwrapCaseKey(found.toString('utf8'), orderId, master)).key;
    await makePrivateFolder(dirname(path));
    await syncFolder(folder);
    if ((await namesIn(dirname(path))).some(isSealed)) throw new CaseFileError('case_file.missing');
    const key = await generateCaseKey();
    await writeFileDurably(path, await wrapCaseKey(key, orderId, master));
    return key;
  }

  return {
    put: async (orderId, name, bytes) => {
      const { sealed, commitment } = await sealCaseFile(bytes, await keyForWriting(orderId));
      const [own = '', plain = ''] = sealedNames(name, commitment);
      await writeNew(caseFilePath(folder, orderId, own), caseFilePath(folder, orderId, plain), sealed);
      return commitment;
    },
    get: async (orderId, name, commitment) => {
      let sealed: Buffer | null = null;
      for (const file of sealedNames(name, commitment)) {
        sealed ??= await readOptional(caseFilePath(folder, orderId, file));
      }
      if (sealed === null) throw new CaseFileError('case_file.missing');
      return openCaseFile(sealed, await readCaseKey(folder, orderId, master), commitment);
    },
    erase: async (orderId) => {
      const path = caseFilePath(folder, orderId, caseKeyFile);
      if ((await namesIn(dirname(path))).length > 0) {
        await rm(path, { force: true });
        await syncFolder(dirname(path));
      }
      await rm(dirname(path), { recursive: true, force: true });
      await syncFolder(folder);
    },
  };
}

/**
 * The key of one case, `AGE-SECRET-KEY-1…`: it opens that case's files with any age, and no others.
 * @throws CaseFileError
 */
export async function readCaseKey(folder: string, orderId: string, master: MasterKey): Promise<string> {
  const text = await readOptional(caseFilePath(folder, orderId, caseKeyFile));
  if (text === null) throw new CaseFileError('case_file.missing');
  return (await unwrapCaseKey(text.toString('utf8'), orderId, master)).key;
}

/** Keys of cases that cannot be unwrapped: while there are some, no master key is given up. */
export class RewrapError extends Error {
  readonly code = 'case_file.not_rewrapped';
  constructor(orderIds: readonly string[]) {
    super(
      `the keys of ${orderIds.length} cases cannot be unwrapped (${orderIds.slice(0, 10).join(', ')}): restore their ${caseKeyFile} from backup, or take those folders away`,
    );
    this.name = 'RewrapError';
  }
}

/**
 * Wraps every case's key anew under the master key that wraps now. Each is replaced at once and durably, so
 * that it can be cut off and begun again; nothing may write to the folder meanwhile.
 * @returns how many there are, and how many were wrapped anew
 * @throws RewrapError once all others are done
 */
export async function rewrapCases(
  folder: string,
  master: MasterKey,
): Promise<{ readonly cases: number; readonly rewrapped: number }> {
  let [cases, rewrapped] = [0, 0];
  const failed: string[] = [];
  for (const orderId of (await namesIn(folder)).filter(isCaseId)) {
    const path = caseFilePath(folder, orderId, caseKeyFile);
    const text = await readOptional(path);
    if (text === null) continue;
    cases++;
    try {
      const { key, masterKey } = await unwrapCaseKey(text.toString('utf8'), orderId, master);
      if (masterKey === master.id) continue;
      await writeFileDurably(path, await wrapCaseKey(key, orderId, master));
      rewrapped++;
    } catch (error) {
      if (!(error instanceof CaseFileError)) throw error;
      failed.push(orderId);
    }
  }
  if (failed.length > 0) throw new RewrapError(failed);
  return { cases, rewrapped };
}

const isCaseId = (name: string): boolean => /^[0-9a-f-]{36}$/.test(name);
const isSealed = (name: string): boolean => name.endsWith('.age');

/** Names that a case file may have, the one to look for first before the others. */
export function sealedNames(name: string, commitment: string | undefined): readonly string[] {
  const digest = /^[0-9a-f]{64}$/.test(commitment ?? '') ? [`${name}-${commitment?.slice(0, 16)}.age`] : [];
  return [...digest, `${name}.age`];
}

/** Disks without links, and a name that another file has: then a file keeps its own. */
const keepsOwn: ReadonlySet<string> = new Set(['EEXIST', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

async function writeNew(own: string, plain: string, bytes: Uint8Array): Promise<void> {
  await writeFileSynced(own, bytes, 'wx');
  try {
    await link(own, plain);
    await rm(own);
  } catch (error) {
    if (!keepsOwn.has(codeOf(error))) throw error;
  }
  await syncFolder(dirname(own));
}

/** Ids and names are ours (UUIDs and constants), or come from a ledger that is being verified. */
export function caseFilePath(folder: string, orderId: string, file: string): string {
  if (!isCaseId(orderId) || !/^[a-z0-9-]+\.(age|json)$/.test(file)) throw new TypeError('no case file name');
  return join(folder, orderId, file);
}

async function readOptional(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
