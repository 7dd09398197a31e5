import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scope } from '#shared/orders';
import {
  createMigrations,
  createTrafficStore,
  type Database,
  defaultRetention,
  loadMigrations,
  openEmbeddedDatabase,
  type TrafficStore,
} from '#shared/store';
import { categoryIds, eventIdFor, type TrafficEvent } from '#shared/traffic';

export interface OpenStore {
  readonly folder: string;
  readonly database: Database;
  readonly store: TrafficStore;
  /** Removes all rows. */
  clear(): Promise<void>;
  /** Closes the store and removes its folder. */
  remove(): Promise<void>;
}

/** An embedded store in a folder of its own, with all migrations applied. */
export async function openTemporaryStore(retention = defaultRetention): Promise<OpenStore> {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-store-'));
  const database = await openEmbeddedDatabase({ folder });
  await createMigrations(database, { retention, migrations: await loadMigrations() }).apply();
  const store = createTrafficStore(database, { retention });
  return {
    folder,
    database,
    store,
    async clear() {
      await database.command('TRUNCATE TABLE traffic');
      await database.command('TRUNCATE TABLE traffic_index');
      await database.command('TRUNCATE TABLE traffic_index_days');
      await database.command('TRUNCATE TABLE rejected');
    },
    async remove() {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function rowsOf(database: Database, text: string): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for await (const rows of database.rows({ text, parameters: {} })) {
    found.push(...(rows as Record<string, unknown>[]));
  }
  return found;
}

export async function readAll(store: TrafficStore, scope: Scope, now: number): Promise<TrafficEvent[]> {
  const found: TrafficEvent[] = [];
  for await (const events of store.readScope(scope, { now })) found.push(...events);
  return found;
}

export const times = (iso: string): number => Date.parse(iso);

/** A plain delivery to `alice@example.nl`, with an id of its own for each `ordinal`. */
export function delivery(ordinal: number, changes: Partial<TrafficEvent> = {}): TrafficEvent {
  return {
    schemaVersion: 1,
    eventId: eventIdFor('test', 'line', ordinal),
    type: 'message.delivered',
    occurredAt: '2096-06-01T10:00:00.000Z',
    collectedAt: '2096-06-01T10:00:01.000Z',
    host: 'mx.example.nl',
    software: 'postfix',
    service: 'smtp',
    recipientAddress: 'alice@example.nl',
    correlation: 'complete',
    sourceId: 'mail.log',
    sourcePosition: '1',
    ...changes,
  };
}

/** Everything about alice that was collected by the end of 2100. */
export const aliceScope: Scope = {
  targets: [{ kind: 'address', value: 'alice@example.nl' }],
  from: '2020-01-01T00:00:00.000Z',
  to: '2101-01-01T00:00:00.000Z',
  categories: categoryIds,
  collectedUpTo: '2100-12-31T23:59:59.999Z',
};
