export {
  type ChainRefusal,
  type ChainResult,
  type CheckedChain,
  certificateDigest,
  checkChain,
  maxCertificateBytes,
  maxChain,
  readPemCertificates,
} from './chain.ts';
export { certificatesHeader, chainDigest, readChainHeader, writeChainHeader } from './header.ts';
