import { join } from 'node:path';
import { Decrypter } from 'age-encryption';
import { commitTo, saltBytes } from '#shared/ledger';
import { CliError } from '../errors.ts';
import { readBounded } from '../files.ts';

/** Bytes of an encrypted case file: an order travels in at most about 28 MB, and is kept as it came. */
const maxCaseFileBytes = 64 * 1024 * 1024;

export type CaseFileResult =
  | { readonly ok: true; readonly bytes: Uint8Array }
  /** `missing`: erased, or not in this copy. `altered`: not what the ledger commits to. */
  | { readonly ok: false; readonly reason: 'missing' | 'altered' };

/** Reads case files as the disclosure service keeps them: `<order>/<name>.age`, a salt before the bytes. */
export interface CaseReader {
  read(orderId: string, name: string, commitment: string | undefined): Promise<CaseFileResult>;
}

/** @param identities `AGE-SECRET-KEY-1…`, the service's or one that the files were encrypted to anew */
export function openCaseReader(folder: string, identities: readonly string[]): CaseReader {
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  return {
    read: async (orderId, name, commitment) => {
      // Ids come from the ledger that is being verified.
      if (!/^[0-9a-f-]{36}$/.test(orderId) || !/^[a-z0-9-]+$/.test(name))
        return { ok: false, reason: 'missing' };
      let sealed: Uint8Array;
      try {
        sealed = await readBounded(join(folder, orderId, `${name}.age`), maxCaseFileBytes);
      } catch (error) {
        if (error instanceof CliError && error.code === 'file.missing')
          return { ok: false, reason: 'missing' };
        throw error;
      }
      const opened = await decrypter.decrypt(sealed).catch(() => new Uint8Array());
      if (opened.length < saltBytes) return { ok: false, reason: 'altered' };
      const bytes = opened.subarray(saltBytes);
      return commitTo(opened.subarray(0, saltBytes), bytes) === commitment
        ? { ok: true, bytes }
        : { ok: false, reason: 'altered' };
    },
  };
}
