import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createMigrations,
  createTrafficStore,
  defaultRetention,
  loadMigrations,
  openServerDatabase,
  type TrafficStore,
} from '#shared/store';
import {
  type HttpEngineProcess,
  startHttpEngineProcess,
} from '../../support/clickhouse-http/engine-process.ts';
import { run } from '../../unit/cli/support.ts';
import { delivery } from '../store/helpers.ts';

const day = '2096-06-01';

describe('griffie reconcile over HTTP', () => {
  let folder: string;
  let engine: HttpEngineProcess;
  let store: TrafficStore;
  const migrate = async (months: number): Promise<void> => {
    const database = openServerDatabase({ url: engine.url, ...owner, database: 'griffie' });
    const migrations = await loadMigrations();
    await createMigrations(database, { retention: { months }, migrations }).apply();
    await database.close();
  };
  const owner = { username: 'griffie_owner', password: 'owner-of-the-test' };
  const retention = { username: 'griffie_retention', password: 'retention-of-the-test' };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-sums-'));
    await writeFile(join(folder, 'retention.password'), `${retention.password}\n`, { mode: 0o600 });
    engine = await startHttpEngineProcess(join(folder, 'data'), {
      users: { [owner.username]: owner.password, [retention.username]: retention.password },
    });
    const anywhere = openServerDatabase({ url: engine.url, ...owner, database: 'default' });
    await anywhere.command('CREATE DATABASE griffie');
    await anywhere.close();
    store = createTrafficStore(openServerDatabase({ url: engine.url, ...owner, database: 'griffie' }), {
      retention: defaultRetention,
    });
  });
  afterAll(async () => {
    await store.close();
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  });

  const now = () => Date.parse('2096-06-03T12:00:00.000Z');
  const account = ['--user', retention.username, '--password-file'];
  const reconcile = (...args: string[]) =>
    run(
      ['reconcile', '--json', '--url', engine.url, ...account, join(folder, 'retention.password'), ...args],
      { now },
    );

  it('says what is to be done where the tables are not those of this version', async () => {
    const { exitCode, error } = await reconcile();
    expect([exitCode, error()]).toMatchObject([1, { code: 'store.not_migrated' }]);
  });

  it('shows the sums of this moment, and what does not match', async () => {
    await migrate(6);
    const tally = (sourceId: string, of: string, events: number) => ({
      tallyVersion: 1 as const,
      ...{ sourceId, day: of, checkpoint: '00112233445566aa', lines: events, events, understood: events },
      ...{ repeated: 0, ignored: 0, notUnderstood: 0, invalid: 0, gaps: 0, resumedFrom: null },
    });
    const at = (n: number, of: string, sourceId: string) =>
      delivery(n, { collectedAt: `${of}T10:00:00.000Z`, sourceId });
    const events = [at(1, day, 'mx1'), at(2, day, 'mx2'), at(3, '2096-06-03', 'mx1')];
    await store.insertEvents(events, { deduplicationToken: 'three' });
    await store.insertTallies([tally('mx1', day, 1), tally('mx2', day, 2), tally('mx1', '2096-06-03', 5)]);

    const ran = await reconcile();
    expect(ran.exitCode).toBe(1);
    expect(ran.json().days).toMatchObject([
      { day, source: 'mx1', events: 1, stored: 1, difference: { missing: 0 } },
      { day, source: 'mx2', events: 2, stored: 1, difference: { missing: 1 } },
      // Not over, and so not judged.
      { day: '2096-06-03', source: 'mx1', events: 5, stored: 1 },
    ]);
    expect(ran.error().problems?.map(({ sentence }) => sentence)).toEqual([
      `${day} mx2: 1 of 2 events are neither stored nor refused`,
    ]);
    expect((await reconcile('--source', 'mx1')).exitCode).toBe(0);
    expect((await reconcile('--from', '2096-06-02')).json().days).toHaveLength(1);
  });

  it('takes the server from the environment, as in a container, unless a folder is named', async () => {
    const env = {
      CLICKHOUSE_URL: engine.url,
      CLICKHOUSE_USER: retention.username,
      CLICKHOUSE_PASSWORD_FILE: join(folder, 'retention.password'),
      RETENTION_PERIOD: 'P6M',
    };
    const ran = await run(['reconcile', '--source', 'mx1'], { env, now });
    expect([ran.exitCode, ran.stderr]).toEqual([0, '']);
    expect(ran.stdout).toMatch(/^2096-06-01 +mx1 +1 /m);
    const here = await run(['reconcile', '--json', '--data', folder], { env, now });
    expect(here.error().code).toBe('status.not_running');
  });

  it('is refused for another period than the tables have, and for a wrong password', async () => {
    expect((await reconcile('--retention-period', 'P3M')).error().code).toBe('store.not_migrated');
    await writeFile(join(folder, 'wrong'), 'another password\n', { mode: 0o600 });
    const { exitCode, error } = await reconcile('--password-file', join(folder, 'wrong'));
    expect([exitCode, error().code]).toEqual([1, 'store.refused']);
  });
});
