import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '#shared/runtime';
import { proofRememberSeconds } from '#shared/signed-request';

/** Numbers that this process gave out a short time ago, and nobody can make up. */
export interface Nonces {
  /** A new one, base64url; a signed request takes it as its `jti`. */
  make(): string;
  /** Whether it was made by this process, no longer ago than a used request is remembered. */
  isFresh(nonce: string): boolean;
}

const timeBytes = 6;
const randomLength = 12;
const macBytes = 16;

/**
 * Nonces that need no memory: time and random bits under a key that ends with the process. That one is used
 * once is decided with the request, in ledger order, by its `jti`.
 */
export function createNonces(clock: Clock): Nonces {
  const key = randomBytes(32);
  const macOf = (bytes: Uint8Array): Buffer =>
    createHmac('sha256', key).update(bytes).digest().subarray(0, macBytes);
  return {
    make: () => {
      const bytes = Buffer.concat([Buffer.alloc(timeBytes), randomBytes(randomLength)]);
      bytes.writeUIntBE(clock.now(), 0, timeBytes);
      return Buffer.concat([bytes, macOf(bytes)]).toString('base64url');
    },
    isFresh: (nonce) => {
      const bytes = Buffer.from(nonce, 'base64url');
      if (bytes.length !== timeBytes + randomLength + macBytes || bytes.toString('base64url') !== nonce)
        return false;
      const [own, mac] = [bytes.subarray(0, -macBytes), bytes.subarray(-macBytes)];
      if (!timingSafeEqual(mac, macOf(own))) return false;
      const age = clock.now() - own.readUIntBE(0, timeBytes);
      return age >= 0 && age <= proofRememberSeconds * 1000;
    },
  };
}
