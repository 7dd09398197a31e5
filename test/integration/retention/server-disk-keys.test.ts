import { cp, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createMigrations,
  createPartitions,
  createTrafficStore,
  type DiskKeys,
  defaultRetention,
  loadMigrations,
  openServerDatabase,
  openServerDiskKeys,
  type TrafficStore,
} from '#shared/store';
import {
  type HttpEngineProcess,
  startHttpEngineProcess,
} from '../../support/clickhouse-http/engine-process.ts';
import { writeServerConfiguration } from '../../support/clickhouse-http/server-configuration.ts';
import { aliceScope, delivery, readAll } from '../store/helpers.ts';

const now = Date.parse('2096-06-10T00:00:00.000Z');
const weekMs = 7 * 86_400_000;

/*
 * A server reads its configuration again by itself; the engine behind HTTP does so when it is started anew,
 * which stands for it here.
 */
describe('keys of a server’s disk, in the configuration of infra/clickhouse', () => {
  let folder: string;
  let engine: HttpEngineProcess;
  let store: TrafficStore;
  let diskKeys: DiskKeys;
  const at = (name: string): string => join(folder, name);
  const keyFile = (): string => at('config.d/storage_keys.xml');
  let engineArguments: string[];

  async function start(): Promise<void> {
    engine = await startHttpEngineProcess(at('data'), { engineArguments });
    const database = openServerDatabase({
      url: engine.url,
      username: 'default',
      password: '',
      database: 'default',
    });
    store = createTrafficStore(database, { retention: defaultRetention });
  }
  async function restart(): Promise<void> {
    await store.close();
    await engine.close();
    await start();
  }
  const database = () =>
    openServerDatabase({ url: engine.url, username: 'default', password: '', database: 'default' });
  const insert = (n: number, day: string) =>
    store.insertEvents(
      [delivery(n, { collectedAt: `${day}T10:00:00.000Z`, occurredAt: `${day}T09:00:00.000Z` })],
      { deduplicationToken: `day-${n}` },
    );
  const readable = async (): Promise<number> => (await readAll(store, aliceScope, now)).length;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-server-keys-'));
    engineArguments = await writeServerConfiguration(folder);
    diskKeys = await openServerDiskKeys({
      folder: at('griffie/encrypted'),
      keyFolder: at('keys'),
      configurationFile: keyFile(),
      now,
      reloadMs: 10,
    });
    await start();
    const opened = database();
    await createMigrations(opened, {
      retention: defaultRetention,
      migrations: await loadMigrations(),
    }).apply();
    await opened.close();
  }, 120_000);
  afterAll(async () => {
    await store.close();
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('change, keep what was written under each readable, and are destroyed when nothing needs them', async () => {
    expect((await stat(keyFile())).mode & 0o777).toBe(0o600);
    await insert(1, '2096-06-01');
    const changed = await diskKeys.change({ now: now + weekMs, create: true, destroy: [] });
    expect(changed?.created?.id).toBe((now + weekMs) / 1000);
    await restart();
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

    const opened = database();
    const partitions = createPartitions(opened, { database: 'default' });
    for (const { table, day } of await partitions.list()) {
      if (day <= '2096-06-01') await partitions.drop(table, day);
    }
    await until(async () => (await diskKeys.look()).keys[0]?.free === true);
    await opened.close();
    await cp(at('griffie'), at('copy'), { recursive: true });
    expect((await diskKeys.change(destroy))?.destroyed).toEqual([id]);
    expect(await readFile(keyFile(), 'utf8')).not.toContain(`id="${id}"`);
    expect(await readdir(at('keys'))).toEqual([`${second?.id}.key`]);
    await restart();
    expect(await readable()).toBe(1);
  }, 240_000);
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 200) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('it did not come to hold within a minute');
}
