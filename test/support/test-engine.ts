import {
  createMigrations,
  createTrafficStore,
  type Database,
  type DiskKeys,
  defaultRetention,
  loadMigrations,
  openEmbeddedDatabase,
  openEncryptedDatabase,
  type TrafficStore,
} from '#shared/store';

/** The embedded engine, migrated. */
export interface TestEngine {
  readonly database: Database;
  readonly store: TrafficStore;
  /** Where it is on an encrypted disk. */
  readonly diskKeys: DiskKeys | undefined;
}

/** @param disk keys of an encrypted disk, the first of which is of the time `now`; absent: a plain one */
export async function openTestEngine(
  folder: string,
  disk?: { readonly keyFolder: string; readonly now: number },
): Promise<TestEngine> {
  const { database, diskKeys } = disk
    ? await openEncryptedDatabase({ folder, ...disk })
    : { database: await openEmbeddedDatabase({ folder }), diskKeys: undefined };
  const migrations = await loadMigrations();
  await createMigrations(database, { retention: defaultRetention, migrations }).apply();
  return { database, diskKeys, store: createTrafficStore(database, { retention: defaultRetention }) };
}
