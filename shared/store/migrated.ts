import type { Database } from './database.ts';
import { StoreError } from './errors.ts';
import { createMigrations, loadMigrations } from './migrations.ts';
import type { RetentionPeriod } from './retention.ts';

/** The store is there, and not as this version needs it. Waiting does not mend it. */
export class NotMigratedError extends Error {
  override readonly name = 'NotMigratedError';
  readonly code = 'store.not_migrated';
  constructor(why: string) {
    super(`The store ${why}: run griffie migrate apply with the same RETENTION_PERIOD`);
  }
}

/** ClickHouse's UNKNOWN_DATABASE. */
const unknownDatabase = '81';

/**
 * Resolves where every migration of this version was applied and the tables keep for the configured period.
 * @throws NotMigratedError otherwise, StoreError where that cannot be found out
 */
export async function assertMigrated(database: Database, retention: RetentionPeriod): Promise<void> {
  const migrations = createMigrations(database, { retention, migrations: await loadMigrations() });
  const { pending, retentionChanges } = await migrations.plan().catch((error: unknown) => {
    if (error instanceof StoreError && error.engineCode === unknownDatabase) {
      throw new NotMigratedError('has no such database');
    }
    throw error;
  });
  if (pending.length > 0) throw new NotMigratedError(`lacks the migration ${pending[0]}`);
  if (retentionChanges.length > 0) throw new NotMigratedError('keeps for another period than configured');
}

/** Resolves where the store answers. @throws StoreError */
export async function askStore(database: Database): Promise<void> {
  for await (const rows of database.rows({ text: 'SELECT 1 AS answered', parameters: {} })) void rows;
}
