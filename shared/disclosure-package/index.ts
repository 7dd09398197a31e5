export { openArchive, type PackageArchive } from './archive.ts';
export { PackageError, type PackageErrorCode } from './errors.ts';
export { packageLimits } from './limits.ts';
export {
  completenessStates,
  type IncompleteReason,
  incompleteReasons,
  type Manifest,
  type ManifestKey,
  type ManifestPart,
  type ManifestSigner,
  manifestSchema,
  manifestType,
  manifestVersion,
  signManifest,
  verifyManifest,
} from './manifest.ts';
export { mediaTypes, memberNames } from './names.ts';
export type { OriginCounts, Written } from './package-thread/messages.ts';
export { type PackageToRead, type ReadPackage, readPackage } from './read.ts';
export { isAgeIdentity, isAgeRecipient } from './recipients.ts';
export { type PackageRefusal, type PackageRefusalCode, packageRefusals } from './refusals.ts';
export type { ReportContext } from './report/index.ts';
export { sealPackage } from './seal.ts';
export { type PackageRequest, type StagedPackage, stagePackage } from './stage.ts';
