export {
  context,
  DerError,
  der,
  derNatural,
  type Element,
  naturalOf,
  oidOf,
  only,
  Reader,
  tags,
} from './der.ts';
export { type SignatureAlgorithm, signatureAlgorithms } from './signature-algorithms.ts';
