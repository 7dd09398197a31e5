import { Decrypter, Encrypter } from 'age-encryption';
import { PackageError } from './errors.ts';
import { packageLimits as limits } from './limits.ts';

/** Whether the text is an age X25519 recipient (`age1…`): right checksum, right length. */
export function isAgeRecipient(text: string): boolean {
  if (!/^age1[a-z0-9]{58}$/.test(text)) return false;
  try {
    new Encrypter().addRecipient(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether the text is an age X25519 identity (`AGE-SECRET-KEY-1…`). */
export function isAgeIdentity(text: string): boolean {
  if (!/^AGE-SECRET-KEY-1[A-Z0-9]{58}$/.test(text)) return false;
  try {
    new Decrypter().addIdentity(text);
    return true;
  } catch {
    return false;
  }
}

/** @throws {PackageError} `package.recipients` */
export function checkRecipients(recipients: readonly string[]): void {
  if (recipients.length > 0 && recipients.length <= limits.recipients && recipients.every(isAgeRecipient))
    return;
  throw new PackageError(
    'package.recipients',
    `a package needs 1 to ${limits.recipients} age X25519 recipients (age1…)`,
  );
}
