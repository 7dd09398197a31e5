import {
  CaseFileError,
  caseFilePath,
  caseKeyFile,
  findCaseKey,
  type MasterKey,
  openCaseFile,
  readCaseKey,
  sealedNames,
} from '#shared/case-files';
import { CliError } from '../errors.ts';
import { readBounded, smallFileBytes } from '../files.ts';

/** Bytes of an encrypted case file: an order travels in at most about 28 MB, and is kept as it came. */
const maxCaseFileBytes = 64 * 1024 * 1024;

export type CaseFileResult =
  | { readonly ok: true; readonly bytes: Uint8Array }
  /**
   * `missing`: erased, or not in this copy. `altered`: not what the ledger commits to. `locked`: its key is
   * not among those that were given.
   */
  | { readonly ok: false; readonly reason: 'missing' | 'altered' | 'locked' };

/** Reads case files as the disclosure service keeps them. */
export interface CaseReader {
  read(orderId: string, name: string, commitment: string | undefined): Promise<CaseFileResult>;
}

/** What opens case files: the master key, or the keys of some cases (`AGE-SECRET-KEY-1…`). */
export type CaseKeys = { readonly master: MasterKey } | { readonly keys: readonly string[] };

export function openCaseReader(folder: string, given: CaseKeys): CaseReader {
  async function keyOf(orderId: string): Promise<string> {
    if ('master' in given) return readCaseKey(folder, orderId, given.master);
    const text = await readBounded(caseFilePath(folder, orderId, caseKeyFile), smallFileBytes);
    return findCaseKey(text.toString('utf8'), given.keys);
  }
  async function readSealed(orderId: string, names: readonly string[]): Promise<Uint8Array> {
    const [first = '', ...others] = names;
    try {
      return await readBounded(caseFilePath(folder, orderId, first), maxCaseFileBytes);
    } catch (error) {
      if (others.length === 0 || reasonOf(error) !== 'missing') throw error;
      return readSealed(orderId, others);
    }
  }
  return {
    read: async (orderId, name, commitment) => {
      // Ids come from the ledger that is being verified.
      if (!/^[0-9a-f-]{36}$/.test(orderId) || !/^[a-z0-9-]+$/.test(name))
        return { ok: false, reason: 'missing' };
      try {
        const sealed = await readSealed(orderId, sealedNames(name, commitment));
        return { ok: true, bytes: await openCaseFile(sealed, await keyOf(orderId), commitment) };
      } catch (error) {
        const reason = reasonOf(error);
        if (reason === null) throw error;
        return { ok: false, reason };
      }
    },
  };
}

function reasonOf(error: unknown): 'missing' | 'altered' | 'locked' | null {
  if (error instanceof CliError && error.code === 'file.missing') return 'missing';
  if (!(error instanceof CaseFileError)) return null;
  if (error.code === 'case_file.altered') return 'altered';
  return error.code === 'case_file.locked' ? 'locked' : 'missing';
}
