import { Decrypter, Encrypter, identityToRecipient } from 'age-encryption';
import { commitTo, createSalt, saltBytes } from '#shared/ledger';
import { CaseFileError } from './errors.ts';

/** Seals bytes to a case's key: an age file of a new salt and the bytes. `commitment` is over the two. */
export async function sealCaseFile(
  bytes: Uint8Array,
  caseKey: string,
): Promise<{ readonly sealed: Uint8Array; readonly commitment: string }> {
  const salt = createSalt();
  const encrypter = new Encrypter();
  encrypter.addRecipient(await identityToRecipient(caseKey));
  const sealed = await encrypter.encrypt(Buffer.concat([salt, bytes]));
  return { sealed, commitment: commitTo(salt, bytes) };
}

/**
 * The bytes, if the file is the one that `commitment` is of. That alone decides: whoever has the key can
 * seal another file, and an older or another case's file is sealed rightly, too.
 * @throws CaseFileError `case_file.altered`
 */
export async function openCaseFile(
  sealed: Uint8Array,
  caseKey: string,
  commitment: string | undefined,
): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(caseKey);
  const opened = await decrypter.decrypt(sealed).catch(() => null);
  if (opened === null || opened.length < saltBytes) throw new CaseFileError('case_file.altered');
  const bytes = opened.subarray(saltBytes);
  if (commitTo(opened.subarray(0, saltBytes), bytes) !== commitment) {
    throw new CaseFileError('case_file.altered');
  }
  return bytes;
}
