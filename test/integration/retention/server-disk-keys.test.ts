import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRetention } from '#services/retention';
import { diskOfKey } from '#shared/control';
import { silentLogger } from '#shared/runtime';
import {
  createHeldTraffic,
  createMigrations,
  createPartitions,
  createServerDiskKeys,
  createTrafficStore,
  type Database,
  type DiskKeys,
  dayOf,
  defaultRetention,
  expiringTables,
  loadMigrations,
  openServerDatabase,
  prepareServerDisk,
  type TrafficStore,
} from '#shared/store';
import {
  type HttpEngineProcess,
  startHttpEngineProcess,
} from '../../support/clickhouse-http/engine-process.ts';
import { writeServerConfiguration } from '../../support/clickhouse-http/server-configuration.ts';
import { startTestService } from '../../support/test-service.ts';
import { run } from '../../unit/cli/support.ts';
import { aliceScope, delivery, readAll } from '../store/helpers.ts';

const now = Date.parse('2096-06-10T00:00:00.000Z');
const always = {
  from: '2090-01-01T00:00:00.000Z',
  to: '2099-01-01T00:00:00.000Z',
  collectedUpTo: '2099-01-01T00:00:00.000Z',
};
const weekMs = 7 * 86_400_000;

/*
 * A server applies new keys to its open disk when it is told to read its configuration. The engine behind HTTP is
 * opened anew by the same statement, which stands for it here; the files that it reads are the server's.
 */
describe('keys of a server’s disk, in the configuration of infra/clickhouse', () => {
  let folder: string;
  let engine: HttpEngineProcess;
  let database: Database;
  let store: TrafficStore;
  let disk: Awaited<ReturnType<typeof prepareServerDisk>>;
  let diskKeys: DiskKeys;
  const at = (name: string): string => join(folder, name);
  const keyFile = (): string => at('conf.d/storage_keys.xml');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-server-keys-'));
    const engineArguments = await writeServerConfiguration(folder);
    // As in docker-compose.yml: the keys are in a folder of their own, which is read before config.d.
    await rm(at('config.d/storage_keys.xml'));
    await mkdir(at('conf.d'));
    const ran = await run(prepareArguments(folder), { now: () => now });
    expect([ran.exitCode, ran.json().keys]).toMatchObject([0, [{ id: now / 1000 }]]);
    // Another time, as at each start of the server, it changes nothing.
    const written = await readFile(keyFile(), 'utf8');
    disk = await prepareServerDisk({
      folder: at('griffie/encrypted'),
      keyFolder: at('keys'),
      configurationFile: keyFile(),
      now: now + weekMs,
    });
    expect(await readFile(keyFile(), 'utf8')).toBe(written);
    diskKeys = createServerDiskKeys(disk, {
      reload: () => database.command('SYSTEM RELOAD CONFIG'),
      settledMs: 0,
    });
    engine = await startHttpEngineProcess(at('data'), { engineArguments });
    const account = { username: 'default', password: '', database: 'default' };
    database = openServerDatabase({ url: engine.url, ...account });
    store = createTrafficStore(database, { retention: defaultRetention });
    const migrations = await loadMigrations();
    await createMigrations(database, { retention: defaultRetention, migrations }).apply();
  }, 120_000);
  afterAll(async () => {
    await store.close();
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  });

  const insert = (n: number, day: string) =>
    store.insertEvents(
      [delivery(n, { collectedAt: `${day}T10:00:00.000Z`, occurredAt: `${day}T09:00:00.000Z` })],
      { deduplicationToken: `day-${n}` },
    );
  const readable = async (): Promise<number> => (await readAll(store, aliceScope, now)).length;

  it('change, keep what was written under each readable, and are destroyed when nothing needs them', async () => {
    expect((await stat(keyFile())).mode & 0o777).toBe(0o600);
    await insert(1, '2096-06-01');
    const changed = await diskKeys.change({ now: now + weekMs, create: true, destroy: [] });
    expect(changed?.created?.id).toBe((now + weekMs) / 1000);
    await insert(2, '2096-06-08');
    expect(await readable()).toBe(2);
    const [first, second] = (await diskKeys.look()).keys;
    expect(first).toMatchObject({
      firstDay: '2096-05-28',
      lastDay: '2096-06-01',
      current: false,
      free: false,
    });
    expect(second).toMatchObject({ firstDay: '2096-06-04', lastDay: '2096-06-08', current: true });
    const id = first?.id ?? 0;
    const destroy = { now, create: false, destroy: [id] };
    // Needed still: it stays, in the key store and in the server's configuration.
    expect((await diskKeys.change(destroy))?.destroyed).toEqual([]);
    expect(await readFile(keyFile(), 'utf8')).toContain(`<key_hex id="${id}" `);

    const partitions = createPartitions(database, { database: 'default' });
    for (const { table, day } of await partitions.list()) {
      if (day <= '2096-06-01') await partitions.drop(table, day);
    }
    await until(async () => (await diskKeys.look()).keys[0]?.free === true);
    // A server that cannot be told keeps its key: its next start may need it.
    const away = createServerDiskKeys(disk, {
      reload: () => Promise.reject(new Error('away')),
      settledMs: 0,
    });
    await expect(away.change(destroy)).rejects.toThrow('away');
    expect(await readFile(keyFile(), 'utf8')).toContain(`<key_hex id="${id}" `);
    expect((await diskKeys.change(destroy))?.destroyed).toEqual([id]);
    expect(await readFile(keyFile(), 'utf8')).not.toContain(`id="${id}"`);
    expect(await readdir(at('keys'))).toEqual([`${second?.id}.key`]);
    expect(await readable()).toBe(1);
    // A server that is started without a key that its files need would put them aside.
    const taken = at(`keys/${second?.id}.key`);
    await rename(taken, `${at('elsewhere')}.key`);
    const ran = await run(prepareArguments(folder));
    expect([ran.exitCode, ran.error().code]).toEqual([1, 'store.key_missing']);
    await rename(`${at('elsewhere')}.key`, taken);
  }, 240_000);

  it('change each day under load, by the rules of the embedded engine, and nothing is lost or refused', async () => {
    const t = await startTestService();
    const partitions = createPartitions(database, { database: 'default' });
    const retentionOf = (keys: DiskKeys, disk: number) =>
      createRetention({
        partitions: { ...partitions, engineTime: async () => t.clock.now() },
        held: createHeldTraffic(database, { database: 'default', retention: defaultRetention }),
        record: t.service.retentionRecord,
        policy: { period: defaultRetention, legalBasis: 'policy of the test' },
        diskKeys: { keys, days: 1, disk },
        places: [],
        clock: t.clock,
        monotonic: () => t.clock.now(),
        logger: silentLogger,
      });
    const retention = retentionOf(diskKeys, 0);
    // Another host of a cluster, on whose disk nothing was written yet, over the same ledger.
    const another = await prepareServerDisk({
      folder: at('another/encrypted'),
      keyFolder: at('another-keys'),
      configurationFile: at('another-storage_keys.xml'),
      disk: 2,
      now: t.clock.now(),
    });
    const onlyKeys = retentionOf(createServerDiskKeys(another, { reload: async () => {} }), 2);
    const acknowledged = new Map<string, number>();
    let today = dayOf(t.clock.now());
    let next = 1000;
    let isOver = false;
    const inserting = (async () => {
      while (!isOver) {
        const day = today;
        const times = { collectedAt: `${day}T00:00:01.000Z`, occurredAt: `${day}T00:00:00.000Z` };
        const events = Array.from({ length: 20 }, () => delivery(next++, times));
        await store.insertEvents(events, { deduplicationToken: `load-${next}` });
        acknowledged.set(day, (acknowledged.get(day) ?? 0) + events.length);
      }
    })();
    const reading = (async () => {
      for (; !isOver; await sleep(20)) await readAll(store, aliceScope, t.clock.now());
    })();
    const kept = 3;
    for (let n = 0; n < 8; n++) {
      await sleep(200);
      const midnight = Date.parse(`${today}T00:00:00.000Z`) + 86_400_000;
      t.clock.set(new Date(midnight + 2000).toISOString());
      today = dayOf(midnight);
      const gone = dayOf(midnight - kept * 86_400_000);
      for (const table of expiringTables) {
        await partitions.drop(table, table === 'traffic_index' ? dayOf(midnight - 9 * 86_400_000) : gone);
      }
      acknowledged.delete(gone);
      await onlyKeys.tick();
      await retention.tick();
      for (const one of [retention, onlyKeys]) expect(one.status().fault, today).toBeNull();
    }
    isOver = true;
    await Promise.all([inserting, reading]);
    // What was written under a key until midnight is looked at an hour later.
    t.clock.advance(3_600_000);
    await onlyKeys.tick();

    const counts = new Map<string, number>();
    for (const { collectedAt } of await readAll(store, { ...aliceScope, ...always }, t.clock.now())) {
      counts.set(collectedAt.slice(0, 10), (counts.get(collectedAt.slice(0, 10)) ?? 0) + 1);
    }
    for (const [day, count] of acknowledged) expect(counts.get(day), day).toBe(count);
    const told = async (kind: string, disk: number) =>
      (await t.entries()).filter(
        ({ kind: of, details }) =>
          of === kind && diskOfKey((details as { readonly keyId: number }).keyId) === disk,
      ).length;
    expect(await told('disk_key.created', 0)).toBeGreaterThanOrEqual(8);
    expect(await told('disk_key.destroyed', 0)).toBeGreaterThanOrEqual(1);
    expect(await told('disk_key.created', 2)).toBeGreaterThanOrEqual(8);
    expect(await told('disk_key.destroyed', 2)).toBe((await told('disk_key.created', 2)) - 1);
    expect(await readdir(at('another-keys'))).toEqual([`${onlyKeys.status().diskKeys.at(-1)?.id}.key`]);
    expect(onlyKeys.status().lastCertificate).toBeNull();
    const { keys, needed } = await diskKeys.look();
    expect([...needed].filter((digest) => keys.every((key) => key.digest !== digest))).toEqual([]);
    for (const one of [retention, onlyKeys]) await one.stop();
    await t.stop();
  }, 240_000);
});

const prepareArguments = (folder: string): string[] => [
  ...['retention', 'prepare-disk', join(folder, 'griffie/encrypted'), '--json'],
  ...['--key-folder', join(folder, 'keys'), '--server-config', join(folder, 'conf.d/storage_keys.xml')],
];

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 200) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('it did not come to hold within a minute');
}
