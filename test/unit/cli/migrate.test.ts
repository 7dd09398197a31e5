import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type HttpEngineProcess,
  startHttpEngineProcess,
} from '../../support/clickhouse-http/engine-process.ts';
import { run } from './support.ts';

describe('griffie migrate', () => {
  let folder: string;
  let engine: HttpEngineProcess;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-migrate-'));
    engine = await startHttpEngineProcess(join(folder, 'server'));
  }, 60_000);
  afterAll(async () => {
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  });
  const migrate = (...args: string[]) =>
    run(['migrate', ...args, '--json'], { env: { CLICKHOUSE_URL: engine.url } });

  it('shows what it would run, changes nothing, and says by its exit code that there is something', async () => {
    for (let i = 0; i < 2; i++) {
      const planned = await migrate('plan');
      expect([planned.exitCode, planned.error().code]).toEqual([4, 'migrate.pending']);
      expect(planned.json()).toMatchObject({
        pending: expect.arrayContaining(['0001_traffic.sql']),
        statements: ['CREATE DATABASE IF NOT EXISTS griffie'],
      });
    }
  });

  it('makes database and tables on a server, once, and then finds nothing to do', async () => {
    const applied = await migrate('apply');
    expect([applied.exitCode, applied.stderr]).toEqual([0, '']);
    expect(applied.json().statements).toContainEqual(
      expect.stringMatching(/^CREATE TABLE IF NOT EXISTS griffie\.traffic\n/),
    );
    expect((await migrate('apply')).json()).toMatchObject({ pending: [], statements: [], dangers: [] });
    expect((await migrate('plan')).exitCode).toBe(0);
  });

  it('refuses another retention until it is allowed by its name', async () => {
    const refused = await migrate('apply', '--retention-period', 'P3M');
    expect([refused.exitCode, refused.error().code]).toEqual([1, 'migrate.dangerous']);
    expect(refused.error().problems).toEqual([expect.objectContaining({ path: 'retention:shorten' })]);
    const other = await migrate('plan', '--retention-period', 'P3M', '--allow', 'retention:lengthen');
    expect(other.exitCode).toBe(1);
    expect((await migrate('plan')).exitCode).toBe(0);
    const allowed = ['--retention-period', 'P3M', '--allow', 'retention:shorten'];
    expect((await migrate('plan', ...allowed)).exitCode).toBe(4);
    expect((await migrate('apply', ...allowed)).exitCode).toBe(0);
    expect((await migrate('plan', '--retention-period', 'P3M')).exitCode).toBe(0);
  });

  it('says what to do about what the server refuses', async () => {
    const { exitCode, error } = await run(
      [
        'migrate',
        'apply',
        '--topology',
        'replicated',
        '--cluster',
        'nowhere',
        '--database',
        'other',
        '--json',
      ],
      { env: { CLICKHOUSE_URL: engine.url } },
    );
    expect([exitCode, error().message]).toEqual([
      1,
      expect.stringMatching(/CLICKHOUSE_CLUSTER|distributed_ddl/),
    ]);
    const away = await run(['migrate', 'plan', '--url', 'http://127.0.0.1:1', '--json']);
    expect([away.exitCode, away.error().code]).toEqual([3, 'store.unavailable']);
  });

  it('refuses settings that cannot be meant, all at once, and never quotes them', async () => {
    const { exitCode, error } = await run([
      'migrate',
      'plan',
      '--url',
      'http://planted.example.nl:8123',
      '--topology',
      'sharded',
      '--retention-period',
      'P1Y',
      '--json',
    ]);
    expect([exitCode, error().code]).toEqual([2, 'config.store']);
    const sentences = error().problems?.map(({ sentence }) => sentence) ?? [];
    expect(sentences).toEqual([
      expect.stringMatching(/^CLICKHOUSE_URL: must be https/),
      expect.stringMatching(/^CLICKHOUSE_TOPOLOGY: .*need the name of a cluster/),
      expect.stringMatching(/^RETENTION_PERIOD: /),
    ]);
    expect(sentences.join()).not.toContain('planted');
  });

  it('mends an embedded store, and never makes one', async () => {
    const data = join(folder, 'data');
    const absent = await run(['migrate', 'apply', '--data', data, '--json']);
    expect([absent.exitCode, absent.error().code]).toEqual([2, 'migrate.no_store']);
    await mkdir(join(data, 'engine'), { recursive: true });
    expect((await run(['migrate', 'apply', '--data', data])).exitCode).toBe(0);
    const again = await run(['migrate', 'plan', '--data', data]);
    expect([again.exitCode, again.stdout]).toEqual([0, 'Nothing to do.\n']);
    const both = await run(['migrate', 'plan', '--data', data, '--url', engine.url]);
    expect(both.exitCode).toBe(2);
  });
});
