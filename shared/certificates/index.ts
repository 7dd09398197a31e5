export { authorityIds, certificateDigest, maxCertificateBytes } from './certificate.ts';
export {
  type CertificateRefusal,
  type ChainLink,
  type ChainRefusal,
  type ChainResult,
  type CheckedChain,
  checkChain,
  maxChain,
  readPemCertificates,
} from './chain.ts';
export { certificatesHeader, chainDigest, readChainHeader, writeChainHeader } from './header.ts';
export { findOnList, type JudgedList, type JudgedListResult, judgeList } from './judge-list.ts';
export { type RevocationReason, revocationReasons } from './list-extensions.ts';
export { type ListFile, readListFile, writeListFile } from './list-file.ts';
export {
  type ListRefusal,
  type ListResult,
  listLimits,
  parseRevocationList,
  type Revocation,
  type RevocationList,
} from './revocation-list.ts';
