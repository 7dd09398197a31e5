import { Encrypter } from 'age-encryption';
import type { AgeHeader } from './package-thread/messages.ts';

/**
 * A header of a new file key: the library's, of an empty file that nobody gets. A recipient that adds no
 * stanza is shown the file key; under it the payload has a nonce, and so a key, of its own.
 * @param recipients age X25519 recipients, checked
 */
export async function createAgeHeader(recipients: readonly string[]): Promise<AgeHeader> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  let fileKey: Uint8Array | null = null;
  encrypter.addRecipient({
    wrapFileKey(key) {
      fileKey = Uint8Array.from(key);
      return [];
    },
  });
  const empty = Buffer.from(await encrypter.encrypt(new Uint8Array()));
  // The header ends with its MAC's line, the only one that begins so.
  const end = empty.indexOf('\n', empty.indexOf('\n--- ') + 1) + 1;
  if (fileKey === null || end === 0) throw new Error('age-encryption made another header than expected');
  return { header: empty.subarray(0, end), fileKey };
}
