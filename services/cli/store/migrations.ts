import { access } from 'node:fs/promises';
import { join } from 'node:path';
import {
  adviceFor,
  createDatabaseStatement,
  createMigrations,
  type Database,
  keyFolderOf,
  loadMigrations,
  type Migrations,
  openConfiguredServer,
  openEncryptedDatabase,
  StoreError,
} from '#shared/store';
import { CliError, refused, unavailable, unusable } from '../errors.ts';
import type { StoreSettings } from './settings.ts';

/** The migrations of a store that is there, or of a server that has no such database yet. */
export type OpenMigrations =
  | { readonly kind: 'there'; readonly migrations: Migrations }
  | { readonly kind: 'absent'; readonly pending: readonly string[]; readonly statement: string };

/**
 * Opens the store for `work` and closes it after.
 * @param create makes a server's database first where it is missing
 * @throws {CliError} with what the person can do
 */
export async function withMigrations<T>(
  settings: StoreSettings,
  { create, now }: { readonly create: boolean; readonly now: number },
  work: (open: OpenMigrations) => Promise<T>,
): Promise<T> {
  const { retention } = settings;
  const opened: Database[] = [];
  try {
    const files = await loadMigrations();
    if (settings.kind === 'embedded') {
      const database = await openFolder(settings.folder, settings.diskKeys, now);
      opened.push(database);
      return await work({
        kind: 'there',
        migrations: createMigrations(database, { retention, migrations: files }),
      });
    }
    const { server, tables: topology } = settings;
    const statement = createDatabaseStatement(server.database, topology);
    const anywhere = await openConfiguredServer({ ...server, database: 'default' });
    opened.push(anywhere);
    if (!(await hasDatabase(anywhere, server.database))) {
      if (!create) return await work({ kind: 'absent', pending: files.map(({ name }) => name), statement });
      await anywhere.command(statement);
    }
    const database = await openConfiguredServer(server);
    opened.push(database);
    return await work({
      kind: 'there',
      migrations: createMigrations(database, { retention, migrations: files, topology }),
    });
  } catch (error) {
    throw explained(error);
  } finally {
    for (const database of opened) await database.close();
  }
}

/** The embedded engine makes a folder that is missing: a misspelt one must not become an empty store. */
async function openFolder(folder: string, diskKeys: string | undefined, now: number): Promise<Database> {
  const engine = join(folder, 'engine');
  try {
    await access(engine);
  } catch {
    throw unusable('migrate.no_store', `${folder} is no data folder of Griffie: it has no engine in it`);
  }
  const { database } = await openEncryptedDatabase({
    folder: engine,
    keyFolder: keyFolderOf(folder, diskKeys),
    now,
  });
  return database;
}

async function hasDatabase(database: Database, name: string): Promise<boolean> {
  const text = 'SELECT name FROM system.databases WHERE name = {name:String}';
  let found = false;
  for await (const rows of database.rows({ text, parameters: { name } })) found ||= rows.length > 0;
  return found;
}

function explained(error: unknown): unknown {
  if (error instanceof CliError || !(error instanceof StoreError)) return error;
  const advice = adviceFor(error.engineCode);
  const message = advice === null ? error.message : `${error.message}: ${advice}`;
  const end = error.code === 'store.unavailable' ? unavailable : refused;
  return end(error.code, message);
}
