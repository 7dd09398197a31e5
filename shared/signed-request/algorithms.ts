/**
 * Signature algorithms that a key may be enrolled for (RFC 7518, RFC 8037, RFC 9864). One row per
 * algorithm; what is not a row is refused, so there is nothing to forget to forbid.
 */
export const signatureAlgorithms = {
  ES256: { kty: 'EC', crv: 'P-256', coordinateBytes: 32 },
  ES384: { kty: 'EC', crv: 'P-384', coordinateBytes: 48 },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', coordinateBytes: 32 },
  Ed25519: { kty: 'OKP', crv: 'Ed25519', coordinateBytes: 32 },
  /** For smart cards that hold RSA keys only. */
  PS256: { kty: 'RSA', minModulusBits: 2048, maxModulusBits: 4096 },
} as const;

export type SignatureAlgorithm = keyof typeof signatureAlgorithms;

export function isSignatureAlgorithm(value: unknown): value is SignatureAlgorithm {
  return typeof value === 'string' && Object.hasOwn(signatureAlgorithms, value);
}
