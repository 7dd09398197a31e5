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
  type SignBytes,
  type SignerKey,
  type SigningKey,
  validatePublicJwk,
} from './keys.ts';
export { passkeyRequestType, requestChallenge } from './passkey.ts';
export {
  attestationHolds,
  type PasskeyDetails,
  registrationChallenge,
  registrationMark,
  trustAttestationRoots,
} from './passkey-registration.ts';
export {
  checkPossession,
  type Enrolment,
  type Possession,
  possessionChars,
  provePossession,
} from './possession.ts';
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
export { jsonHeaders, type RequestToSign, signedHeaders, signRequest } from './sign.ts';
export { type ExpectedRequest, type VerifyProofResult, verifyProof } from './verify.ts';
