import { z } from 'zod';
import { parseStrictJson } from '#shared/runtime';
import { proofLimits } from './proof.ts';

const possessionClaimsSchema = z.strictObject({
  /** Id of the credential that the key is to become. */
  iss: z.string().min(1).max(proofLimits.credentialIdChars),
  /** Public URL of the service at which it is to be enrolled. */
  aud: z.string().min(1).max(proofLimits.urlChars),
  /** When it was signed, seconds since the epoch. */
  iat: z.int().min(0),
});
/** What a key signs for before it is enrolled. */
export type PossessionClaims = z.infer<typeof possessionClaimsSchema>;

/** @returns the exact bytes that are signed @throws Error where a claim is out of its bounds */
export function writePossessionClaims(claims: PossessionClaims): Buffer {
  return Buffer.from(JSON.stringify(possessionClaimsSchema.parse(claims)));
}

/** @returns null where the bytes are not such claims */
export function readPossessionClaims(bytes: Uint8Array): PossessionClaims | null {
  const json = parseStrictJson(bytes);
  return possessionClaimsSchema.safeParse(json.ok ? json.value : undefined).data ?? null;
}
