export { isSignatureAlgorithm, type SignatureAlgorithm, signatureAlgorithms } from './algorithms.ts';
export {
  type CompactHeader,
  type CompactJws,
  type CompactRefusal,
  type CompactResult,
  importVerifier,
  type PinnedKey,
  parseCompact,
  signCompact,
  verifyCompact,
} from './compact.ts';
export {
  exportPrivateJwk,
  generateKey,
  importPrivateJwk,
  keyId,
  type PrivateKey,
  type PublicJwk,
  type PublicKeyRefusal,
  type PublicKeyResult,
  publicKeyRefusals,
  type SigningKey,
  validatePublicJwk,
} from './keys.ts';
export {
  bodyDigest,
  canonicalUrl,
  type ParseProofResult,
  type Proof,
  type ProofClaims,
  parseProof,
  proofClaimsSchema,
  proofHeader,
  proofLimits,
  proofRememberSeconds,
  proofTiming,
  proofType,
  requestUrl,
} from './proof.ts';
export { type ProofRefusalCode, proofRefusals } from './refusals.ts';
export { type RequestToSign, signRequest } from './sign.ts';
export { type ExpectedRequest, type VerifyProofResult, verifyProof } from './verify.ts';
