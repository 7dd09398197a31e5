import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  assertMigrated,
  createMigrations,
  createPartitions,
  createSourceDays,
  createTrafficStore,
  type Database,
  defaultRetention,
  loadMigrations,
  openServerDatabase,
  type StoreQuery,
  type TrafficStore,
} from '#shared/store';
import { type HttpEngine, startHttpEngine } from '../../support/clickhouse-http/http-engine.ts';
import { writeServerConfiguration } from '../../support/clickhouse-http/server-configuration.ts';
import { aliceScope, delivery, readAll, rowsOf, times } from './helpers.ts';

const now = times('2096-06-02T00:00:00.000Z');
describe('the server configuration of infra/clickhouse, read by the embedded engine', () => {
  let folder: string;
  let engine: HttpEngine;
  let database: Database;
  let store: TrafficStore;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-server-'));
    // A definer needs to read what its view is made of; nothing of ours is in it.
    const ingestGrant = 'GRANT SELECT ON griffie.probe_source';
    const engineArguments = await writeServerConfiguration(folder, { ingestGrant });
    engine = await startHttpEngine(join(folder, 'data'), { engineArguments });
    const account = { url: engine.url, username: 'default', password: '' };
    const anywhere = openServerDatabase({ ...account, database: 'default' });
    await anywhere.command('CREATE DATABASE griffie');
    await anywhere.close();
    database = openServerDatabase({ ...account, database: 'griffie' });
    const migrations = await loadMigrations();
    await createMigrations(database, { retention: defaultRetention, migrations }).apply();
    store = createTrafficStore(database, { retention: defaultRetention });
    await store.insertEvents([delivery(1, { recipientAddress: 'planted@example.nl' })], {
      deduplicationToken: 'planted',
    });
  });
  afterAll(async () => {
    await store.close();
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** What a statement gives with the rights of a user who does not log in: a view reads with its definer's. */
  let probes = 0;
  async function readAs(user: string, select: string): Promise<unknown[]> {
    probes += 1;
    await database.command(
      `CREATE VIEW griffie.probe${probes} DEFINER = ${user} SQL SECURITY DEFINER AS ${select}`,
    );
    return rowsOf(database, `SELECT * FROM griffie.probe${probes}`);
  }
  async function insertAs(user: string, table: string, columns: string): Promise<void> {
    probes += 1;
    const view = `griffie.probe${probes}`;
    await database.command(
      `CREATE MATERIALIZED VIEW ${view} TO griffie.${table} DEFINER = ${user} SQL SECURITY DEFINER AS SELECT ${columns} FROM griffie.probe_source`,
    );
    try {
      await database.command("INSERT INTO griffie.probe_source VALUES ('x')");
    } finally {
      await database.command(`DROP VIEW ${view}`);
    }
  }
  const denied = { code: 'store.refused', engineCode: '497' };

  it('gives each user these rights and no other', async () => {
    const rights = async (user: string) =>
      (await rowsOf(database, `SHOW GRANTS FOR ${user}`)).flatMap((row) => Object.values(row)).sort();
    expect(await rights('griffie_ingest')).toEqual([
      'GRANT INSERT ON griffie.rejected TO griffie_ingest',
      'GRANT INSERT ON griffie.rejected_local TO griffie_ingest',
      'GRANT INSERT ON griffie.source_days TO griffie_ingest',
      'GRANT INSERT ON griffie.source_days_local TO griffie_ingest',
      'GRANT INSERT ON griffie.traffic TO griffie_ingest',
      'GRANT INSERT ON griffie.traffic_local TO griffie_ingest',
      'GRANT SELECT ON griffie.griffie_migrations TO griffie_ingest',
      'GRANT SELECT ON griffie.probe_source TO griffie_ingest',
    ]);
    expect(await rights('griffie_disclosure')).toEqual([
      'GRANT SELECT ON griffie.griffie_migrations TO griffie_disclosure',
      'GRANT SELECT ON griffie.held_traffic_readable TO griffie_disclosure',
      'GRANT SELECT ON griffie.held_traffic_readable_local TO griffie_disclosure',
      'GRANT SELECT ON griffie.traffic_index_retained TO griffie_disclosure',
      'GRANT SELECT ON griffie.traffic_index_retained_local TO griffie_disclosure',
      'GRANT SELECT ON griffie.traffic_retained TO griffie_disclosure',
      'GRANT SELECT ON griffie.traffic_retained_local TO griffie_disclosure',
    ]);
    const retention = await rights('griffie_retention');
    expect(retention).toHaveLength(27);
    expect(retention).toContainEqual(expect.stringMatching(/SYSTEM RELOAD CONFIG.* ON \*\.\*/));
    expect(retention.join('\n')).not.toMatch(
      /SELECT[^\n]* ON griffie\.(traffic|traffic_local|rejected|rejected_local) |DROP|CREATE/,
    );
  });

  it('lets disclosure read what is retained, through the view alone', async () => {
    const columns = 'recipientAddress';
    expect(await readAs('griffie_disclosure', `SELECT ${columns} FROM griffie.traffic_retained`)).toEqual([
      { recipientAddress: 'planted@example.nl' },
    ]);
    await expect(
      readAs('griffie_disclosure', `SELECT ${columns} FROM griffie.traffic`),
    ).rejects.toMatchObject(denied);
    await expect(readAs('griffie_disclosure', 'SELECT reason FROM griffie.rejected')).rejects.toMatchObject(
      denied,
    );
    await expect(readAs('griffie_retention', `SELECT ${columns} FROM griffie.traffic`)).rejects.toMatchObject(
      denied,
    );
    // What it counts of refused records it sees without the records.
    await expect(readAs('griffie_retention', 'SELECT value FROM griffie.rejected')).rejects.toMatchObject(
      denied,
    );
    const origins = await readAs('griffie_retention', 'SELECT * FROM griffie.rejected_origins LIMIT 1');
    for (const row of origins) expect(Object.keys(Object(row))).toEqual(['sourceId', 'day', 'eventIdHex']);
    const [stored] = await readAs('griffie_retention', 'SELECT * FROM griffie.traffic_origins LIMIT 1');
    expect(Object.keys(Object(stored))).toEqual(['sourceId', 'day', 'eventId']);
    const others = ['griffie_disclosure', 'griffie_ingest'];
    for (const user of others) {
      await expect(readAs(user, 'SELECT day FROM griffie.traffic_origins')).rejects.toMatchObject(denied);
    }
  });

  it('lets retention, and griffie reconcile, ask all that the sums are made of', async () => {
    const asked: StoreQuery[] = [];
    const noted: Database = {
      ...database,
      rows(query) {
        asked.push(query);
        return database.rows(query);
      },
    };
    await assertMigrated(noted, defaultRetention);
    await createPartitions(noted, { database: 'griffie' }).list();
    const sourceDays = createSourceDays(noted);
    await sourceDays.counted('2096-06-01', '2096-06-02');
    await sourceDays.stored('2096-06-01');
    await sourceDays.again('mail.log', '2096-06-01', '2096-06-02');
    await sourceDays.rejected('2096-06-01');
    expect(asked.length).toBeGreaterThan(6);
    for (const { text, parameters } of asked) {
      // In a view its settings, such as readonly, would be those of its making.
      const statement = text
        .replace(/\nSETTINGS .*$/s, '')
        .replace(/\{(\w+):String\}/g, (_, name) => `'${parameters[name]}'`);
      await expect(readAs('griffie_retention', statement), text).resolves.toBeInstanceOf(Array);
      if (!/griffie_migrations|system\./.test(text)) {
        await expect(readAs('griffie_ingest', statement), text).rejects.toMatchObject(denied);
      }
    }
  });

  it('lets retention alone copy what an order holds, and disclosure read of it what may be read yet', async () => {
    const select = 'SELECT count() AS n FROM griffie.';
    const hold = (orderId: string, until: string) =>
      database.command(
        `INSERT INTO griffie.holds (orderId, since, until) VALUES ('${orderId}', '2026-01-01 00:00:00', '${until}')`,
      );
    const [over, inForce] = ['0193a4b2-7c00-7000-8000-000000000001', '0193a4b2-7c00-7000-8000-000000000002'];
    await hold(over, '2026-01-02 00:00:00');
    await hold(inForce, '2096-01-02 00:00:00');
    for (const orderId of [over, inForce]) {
      await database.command(
        `INSERT INTO griffie.held_traffic (orderId, recipientAddress) VALUES ('${orderId}', 'held@example.nl')`,
      );
    }
    expect(await readAs('griffie_retention', `${select}traffic_holdable`)).toHaveLength(1);
    expect(
      await readAs('griffie_disclosure', 'SELECT toString(orderId) AS id FROM griffie.held_traffic_readable'),
    ).toEqual([{ id: inForce }]);
    for (const table of ['held_traffic', 'holds', 'traffic_holdable']) {
      await expect(readAs('griffie_disclosure', select + table), table).rejects.toMatchObject(denied);
      await expect(readAs('griffie_ingest', select + table), table).rejects.toMatchObject(denied);
    }
    await expect(readAs('griffie_ingest', `${select}held_traffic_readable`)).rejects.toMatchObject(denied);
  });

  it('lets the ingester insert, and read nothing of it', async () => {
    await database.command('CREATE TABLE griffie.probe_source (host String) ENGINE = Null');
    await insertAs('griffie_ingest', 'traffic', 'host, now64(3) AS collectedAt, now64(3) AS occurredAt');
    await insertAs(
      'griffie_ingest',
      'rejected',
      "host AS reason, now64(3) AS rejectedAt, 'x' AS coordinates",
    );
    expect(await rowsOf(database, "SELECT host FROM griffie.traffic WHERE host = 'x'")).toEqual([
      { host: 'x' },
    ]);
    await expect(insertAs('griffie_ingest', 'griffie_migrations', 'host AS name')).rejects.toMatchObject(
      denied,
    );
    await expect(insertAs('griffie_disclosure', 'traffic', 'host')).rejects.toMatchObject(denied);
    for (const table of ['traffic', 'traffic_retained', 'rejected']) {
      const reading = readAs('griffie_ingest', `SELECT count() AS n FROM griffie.${table}`);
      await expect(reading, table).rejects.toMatchObject(denied);
    }
  });

  it('has every table on the encrypted disk, and no address in any file of the folder', async () => {
    expect(
      await rowsOf(
        database,
        "SELECT DISTINCT storage_policy FROM system.tables WHERE engine LIKE '%MergeTree'",
      ),
    ).toEqual([{ storage_policy: 'griffie_encrypted_only' }]);
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    let encrypted = 0;
    for (const file of files) {
      if (!file.isFile()) continue;
      const bytes = await readFile(join(file.parentPath, file.name));
      expect(bytes.includes('planted@example.nl'), file.name).toBe(false);
      if (bytes.subarray(0, 3).toString('latin1') === 'ENC') encrypted += 1;
    }
    expect(encrypted).toBeGreaterThan(20);
    expect(
      await readAll(
        store,
        { ...aliceScope, targets: [{ kind: 'address', value: 'planted@example.nl' }] },
        now,
      ),
    ).toHaveLength(1);
  });

  it('limits what disclosure may ask of the server', async () => {
    const rows = await rowsOf(
      database,
      "SELECT setting_name, value FROM system.settings_profile_elements WHERE profile_name = 'griffie_disclosure' AND value IS NOT NULL",
    );
    const values = Object.fromEntries(rows.map((row) => [String(row.setting_name), row.value]));
    expect(values).toMatchObject({
      readonly: '2',
      max_memory_usage: '2000000000',
      max_execution_time: '600',
    });
  });
});

it('no password and no key is in a file of infra/clickhouse', async () => {
  const root = new URL('../../../infra/clickhouse/', import.meta.url);
  for (const name of ['config.d', 'users.d']) {
    for (const file of await readdir(new URL(name, root))) {
      const text = (await readFile(new URL(`${name}/${file}`, root), 'utf8')).replace(/<!--.*?-->/gs, '');
      const secrets = text.match(/<(?:password\w*|secret|key_hex)\b[^>]*>/g) ?? [];
      for (const element of secrets) expect(element, file).toMatch(/from_env="GRIFFIE_\w+"/);
      // The server copies its configuration, with what it took from the environment, to its data.
      for (const element of secrets.filter((text) => text.startsWith('<key_hex'))) {
        expect(element, file).toContain('hide_in_preprocessed="true"');
      }
    }
  }
});
