export type { Database, StoreQuery } from './database.ts';
export { type EmbeddedOptions, openEmbeddedDatabase } from './embedded/database.ts';
export { StoreError, type StoreErrorCode } from './errors.ts';
export {
  createMigrations,
  loadMigrations,
  type Migration,
  type MigrationPlan,
  type Migrations,
} from './migrations.ts';
export { queryLimits } from './query.ts';
export {
  defaultRetention,
  expiresAt,
  isRetained,
  parseRetentionPeriod,
  type RetentionPeriod,
} from './retention.ts';
export { openServerDatabase, type ServerOptions } from './server/database.ts';
export {
  createTrafficStore,
  type DataWindow,
  type InsertOptions,
  type ReadOptions,
  type RejectedRecord,
  type ScopeReading,
  type TrafficStore,
} from './store.ts';
