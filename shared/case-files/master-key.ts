import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { MasterKeyError } from './errors.ts';

/** A case's key as it lies beside the case's files. */
export interface WrappedKey {
  /** Id of the master key that it was wrapped under. */
  readonly masterKey: string;
  readonly wrapped: Uint8Array;
}

/**
 * What the keys of cases are wrapped under: keys from a file or the environment, or a key management
 * service. `context` names the case; what was wrapped for one case is never unwrapped for another.
 */
export interface MasterKey {
  /** Id of the key that `wrap` uses. */
  readonly id: string;
  wrap(secret: Uint8Array, context: string): Promise<WrappedKey>;
  /**
   * @returns `unknown_key` where it was wrapped under a key that is not here, `altered` where it was not
   * wrapped by this key, for this context, or was changed since. Rejects only for faults that may pass.
   */
  unwrap(wrapped: WrappedKey, context: string): Promise<Uint8Array | 'unknown_key' | 'altered'>;
}

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const algorithm = 'aes-256-gcm';
/** In front of a key, so that whoever finds one sees what it is, and scanners for secrets do. */
const prefix = 'GRIFFIE-MASTER-KEY-1:';
/** A rotation has two; a few more may be there where several were cut off. */
const maxKeys = 8;

/** A new master key as text. The caller keeps it secret. */
export function generateMasterKey(): string {
  return `${prefix}${randomBytes(keyBytes).toString('base64url')}`;
}

/**
 * The keys in a text, separated by white space or commas; lines that begin with `#` are left out.
 * @throws MasterKeyError
 */
export function splitMasterKeys(text: string): readonly string[] {
  const keys = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => line.split(/[\s,]+/))
    .filter((word) => word !== '');
  if (keys.length === 0) throw new MasterKeyError('are missing');
  if (keys.length > maxKeys) throw new MasterKeyError(`are more than ${maxKeys}`);
  for (const key of keys) decode(key);
  return keys;
}

/** Whether a text holds master keys. */
export function isMasterKeyText(text: string): boolean {
  try {
    return splitMasterKeys(text).length > 0;
  } catch {
    return false;
  }
}

/** The id of a key: it says which one is meant, and nothing of the key. */
export function masterKeyId(key: string): string {
  return createHash('sha256')
    .update('griffie-master-key-id/v1\n')
    .update(decode(key))
    .digest('hex')
    .slice(0, 16);
}

/**
 * Master keys that this process holds itself: AES-256-GCM with the context as associated data.
 * @param text of one key or several: the last one wraps, each of them unwraps
 * @throws MasterKeyError
 */
export function createMasterKey(text: string): MasterKey {
  const keys = new Map(splitMasterKeys(text).map((key) => [masterKeyId(key), decode(key)]));
  const [active] = [...keys].slice(-1);
  if (active === undefined) throw new MasterKeyError('are missing');
  const [id, activeKey] = active;
  return {
    id,
    wrap: async (secret, context) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, activeKey, nonce);
      cipher.setAAD(Buffer.from(context));
      const sealed = [nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()];
      return { masterKey: id, wrapped: Buffer.concat(sealed) };
    },
    unwrap: async ({ masterKey, wrapped }, context) => {
      const key = keys.get(masterKey);
      if (key === undefined) return 'unknown_key';
      if (wrapped.length < nonceBytes + tagBytes) return 'altered';
      const decipher = createDecipheriv(algorithm, key, wrapped.subarray(0, nonceBytes));
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(wrapped.subarray(-tagBytes));
      try {
        return Buffer.concat([decipher.update(wrapped.subarray(nonceBytes, -tagBytes)), decipher.final()]);
      } catch {
        return 'altered';
      }
    },
  };
}

function decode(key: string): Buffer {
  const text = key.startsWith(prefix) ? key.slice(prefix.length) : '';
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== keyBytes || bytes.toString('base64url') !== text) {
    throw new MasterKeyError(`cannot be read; each begins with ${prefix}`);
  }
  return bytes;
}
