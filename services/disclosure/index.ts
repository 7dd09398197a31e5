export { alarmSettingsSchema } from './alarm-settings.ts';
export { type CeremonyAdministrator, writeCeremony } from './ceremony.ts';
export {
  type DisclosureSettings,
  disclosureVariables,
  publicUrlOf,
  publicUrlSchema,
  readDisclosureSettings,
  timestampAuthoritySchema,
} from './config.ts';
export { errorTable } from './errors.ts';
export { announceAdministrators, announceKeys, KeyFileError, keyFiles } from './keys.ts';
export {
  finishRotation,
  type RotatedKey,
  RotationError,
  resumeRotation,
  rotateLedgerKey,
} from './ledger-rotation.ts';
export { apiLimits } from './limits.ts';
export {
  type Installation,
  openDisclosure,
  openInstallation,
  openInstallationWitnessing,
  seedInstallation,
} from './open.ts';
export { passkeyPolicySchema } from './passkeys/models.ts';
export { disclosureService } from './process.ts';
export { isReplicated } from './replica.ts';
export { type RevocationSettings, revocationSettingsSchema } from './revocation/index.ts';
export {
  type Answered,
  createDisclosureService,
  type DisclosureDeps,
  type DisclosureFigures,
  type DisclosureService,
} from './service.ts';
export { addTimestampMetrics } from './timestamps/metrics.ts';
export { openInstallationStamping, TimestampAuthorityError } from './timestamps/open.ts';
export { createStamping, type Stamping } from './timestamps/stamping.ts';
export { readWitnessPolicy, WitnessPolicyError, type WitnessRequirement } from './witnesses/policy-file.ts';
export { openWitnessing, type Witnessing, type WitnessingFigures } from './witnesses/witnessing.ts';
