export type { Database, Rows, StoreQuery } from './database.ts';
export type {
  DiskKey,
  DiskKeyChange,
  DiskKeys,
  DiskKeysChanged,
  DiskKeysLook,
  DiskKeyUse,
} from './disk-keys.ts';
export {
  type EmbeddedOptions,
  type EncryptedDatabase,
  openEmbeddedDatabase,
  openEncryptedDatabase,
} from './embedded/database.ts';
export { type DiskLook, type KeyUse, lookAtDisk } from './encryption/disk-look.ts';
export { diskKeyDigest } from './encryption/encrypted-file.ts';
export { keyFolderOf } from './encryption/key-store.ts';
export { StoreError, type StoreErrorCode } from './errors.ts';
export type { StorableEvent } from './event-rows.ts';
export { createHeldTraffic, type HeldAmount, type HeldTraffic, type HoldTimes } from './held.ts';
export type { CopyPart } from './held-copy.ts';
export { askStore, assertMigrated, NotMigratedError } from './migrated.ts';
export {
  type ApplyOptions,
  createMigrations,
  loadMigrations,
  type Migration,
  type MigrationPlan,
  type MigrationReview,
  type Migrations,
} from './migrations.ts';
export { adviceFor } from './migrations-advice.ts';
export type { Danger, RetentionChange } from './migrations-danger.ts';
export {
  createDatabaseStatement,
  type StoreTopology,
  topologySchema,
  topologyVariables,
} from './migrations-topology.ts';
export {
  createPartitions,
  type DayHeld,
  dayExpiresAt,
  dayOf,
  type ExpiringTable,
  expiringTables,
  isDayExpired,
  lastExpiredDay,
  type Partitions,
  type PartState,
} from './partitions.ts';
export { type HeldSource, queryLimits } from './query.ts';
export type { ReleasedReading } from './released-reading.ts';
export {
  defaultRetention,
  expiresAt,
  isRetained,
  parseRetentionPeriod,
  type RetentionPeriod,
} from './retention.ts';
export { retentionPeriodSchema, retentionVariable } from './retention-setting.ts';
export { type ServerConfig, type ServerConfigInput, serverConfigSchema } from './server/config.ts';
export { openServerDatabase, type ServerOptions } from './server/database.ts';
export { createServerDiskKeys, prepareServerDisk } from './server/disk-keys.ts';
export { serverSettingsFromEnvironment, serverVariables } from './server/environment.ts';
export { openConfiguredServer } from './server/open.ts';
export { type CountedDay, createSourceDays, type SourceDays, type StoredCount } from './source-days.ts';
export {
  createTrafficStore,
  type DataWindow,
  type InsertOptions,
  type ReadOptions,
  type RejectedRecord,
  type ScopeReading,
  type TrafficStore,
} from './store.ts';
