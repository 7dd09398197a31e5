import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  createMigrations,
  createTrafficStore,
  type Database,
  defaultRetention,
  loadMigrations,
  openEmbeddedDatabase,
} from '#shared/store';
import { aliceScope, delivery, readAll, rowsOf } from '../integration/store/helpers.ts';

const events = Array.from({ length: 100 }, (_, i) => delivery(i)).sort((a, b) =>
  a.eventId < b.eventId ? -1 : 1,
);
const now = Date.parse(delivery(0).collectedAt) + 3_600_000;
const options = { deduplicationToken: 'batch' };

async function openStore(folder: string) {
  const database = await openEmbeddedDatabase({ folder });
  const migrations = await loadMigrations();
  await createMigrations(database, { retention: defaultRetention, migrations }).apply();
  return { database, store: createTrafficStore(database, { retention: defaultRetention }) };
}

/** Folder of the table's parts. */
async function tableFolder(database: Database): Promise<string> {
  const [row] = await rowsOf(
    database,
    "SELECT arrayElement(data_paths, 1) AS path FROM system.tables WHERE name = 'traffic' AND database = currentDatabase()",
  );
  return String(row?.path);
}

/*
 * A plain MergeTree that deduplicates writes an insert's name to its log, then renames the part into place.
 * This makes what a kill in between leaves: everything the engine wrote but the part.
 */
it('an insert whose part did not come into place before a kill is taken when it is repeated', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-retry-'));
  try {
    const before = await openStore(folder);
    await before.store.insertEvents(events, options);
    const path = await tableFolder(before.database);
    const table = path.startsWith('/') ? path : join(folder, path);
    await before.store.close();
    const parts = (await readdir(table)).filter((name) => /^\d{8}_/.test(name));
    expect(parts.length).toBeGreaterThan(0);
    for (const part of parts) await rm(join(table, part), { recursive: true });

    const after = await openStore(folder);
    expect(await readAll(after.store, aliceScope, now)).toEqual([]);
    await after.store.insertEvents(events, options);
    expect(await readAll(after.store, aliceScope, now)).toEqual(events);
    await after.store.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
