export { ApiRecordError, createApiRecord } from './api-record.ts';
export { type RetentionSettings, readRetentionSettings, retentionVariables } from './config.ts';
export { CredentialError, type RetentionCredential, readCredential } from './credential.ts';
export { type Left, type Look, type Place, place } from './place.ts';
export { engineLogs, kafkaTopics, oldFiles, temporaryFiles } from './places.ts';
export { retentionService } from './process.ts';
export {
  createRetention,
  type Retention,
  type RetentionDeps,
  type RetentionPolicy,
} from './retention.ts';
export type { Overdue, RetentionStatus } from './status.ts';
export { type DayFigures, type DayRange, readDays } from './summed-days.ts';
