import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openConfiguredServer, serverConfigSchema } from '#shared/store';
import { type Authority, createAuthority, type Issued } from '../../support/clickhouse-http/certificates.ts';
import {
  type HttpEngineProcess,
  startHttpEngineProcess,
} from '../../support/clickhouse-http/engine-process.ts';
import { rowsOf } from './helpers.ts';

const configured = (settings: object) =>
  openConfiguredServer(serverConfigSchema.parse({ database: 'default', ...settings }));

describe('a ClickHouse server over TLS', () => {
  let folder: string;
  let ours: Authority;
  let others: Authority;
  let client: Issued;
  let server: HttpEngineProcess;
  let strict: HttpEngineProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-tls-'));
    ours = await createAuthority(folder, 'ours');
    others = await createAuthority(folder, 'others');
    client = await ours.issue('client');
    const { cert, key } = await ours.issue('server');
    const users = { griffie_ingest: 'right' };
    await writeFile(join(folder, 'right.password'), 'right\n');
    await writeFile(join(folder, 'wrong.password'), 'wrong\n');
    server = await startHttpEngineProcess(join(folder, 'a'), { tls: { cert, key }, users });
    strict = await startHttpEngineProcess(join(folder, 'b'), {
      tls: { cert, key, clientCa: ours.cert },
      users,
    });
  }, 120_000);
  afterAll(async () => {
    await server.close();
    await strict.close();
    await rm(folder, { recursive: true, force: true });
  });

  const asked = async (settings: object): Promise<unknown> => {
    const database = await configured({
      username: 'griffie_ingest',
      passwordFile: join(folder, 'right.password'),
      ...settings,
    });
    return rowsOf(database, 'SELECT 1 AS one').finally(() => database.close());
  };

  it('is taken with the authority that signed it', async () => {
    expect(await asked({ url: server.url, tls: { caFile: ours.certFile } })).toEqual([{ one: 1 }]);
  });

  it('is refused where another authority, or none that we know, signed it', async () => {
    for (const tls of [{ caFile: others.certFile }, {}]) {
      await expect(asked({ url: server.url, tls })).rejects.toMatchObject({
        code: 'store.unavailable',
        message: expect.stringContaining('certificates'),
      });
    }
  });

  it('is shown our certificate, where it asks for one', async () => {
    const { certFile, keyFile } = client;
    const tls = { caFile: ours.certFile, certFile, keyFile };
    expect(await asked({ url: strict.url, tls })).toEqual([{ one: 1 }]);
    await expect(asked({ url: strict.url, tls: { caFile: ours.certFile } })).rejects.toMatchObject({
      name: 'StoreError',
    });
    const foreign = await others.issue('client');
    await expect(
      asked({ url: strict.url, tls: { ...tls, certFile: foreign.certFile, keyFile: foreign.keyFile } }),
    ).rejects.toMatchObject({ name: 'StoreError' });
  });

  it('refuses a wrong password and an unknown user, by code', async () => {
    const tls = { caFile: ours.certFile };
    for (const wrong of [{ passwordFile: join(folder, 'wrong.password') }, { username: 'default' }]) {
      await expect(asked({ url: server.url, tls, ...wrong })).rejects.toMatchObject({
        code: 'store.refused',
        engineCode: '516',
      });
    }
  });

  it('is not asked in plain HTTP, unless it is on this machine', () => {
    const { success, error } = serverConfigSchema.safeParse({ url: 'http://clickhouse.example.nl:8123' });
    expect([success, error?.issues[0]?.message]).toEqual([
      false,
      'must be https, unless the server is on this machine',
    ]);
    expect(serverConfigSchema.safeParse({ url: 'http://127.0.0.1:8123' }).success).toBe(true);
  });
});

describe('a ClickHouse server that fails', () => {
  let folder: string;
  let server: HttpEngineProcess;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-fails-'));
    server = await startHttpEngineProcess(folder);
  }, 60_000);
  afterAll(async () => {
    await server.kill();
    await rm(folder, { recursive: true, force: true });
  });

  it('after the first rows, is an error with its code and not a shorter answer', async () => {
    const database = await configured({ url: server.url });
    let rows = 0;
    const reading = async (): Promise<void> => {
      const text =
        "SELECT number, throwIf(number = 700000, 'suspect@example.nl') FROM numbers(1000000) SETTINGS max_block_size = 1000";
      for await (const group of database.rows({ text, parameters: {} })) rows += group.length;
    };
    await expect(reading()).rejects.toMatchObject({
      engineCode: '395',
      message: expect.not.stringContaining('suspect'),
    });
    expect(rows).toBeGreaterThan(0);
    await database.close();
  });

  it('by dying in the middle of an answer, is an error to retry and not a shorter answer', async () => {
    const database = await configured({ url: server.url });
    const reading = async (): Promise<void> => {
      const text = "SELECT number, repeat('x', 1000) AS x FROM numbers(100000000)";
      for await (const _ of database.rows({ text, parameters: {} })) await server.kill();
    };
    await expect(reading()).rejects.toMatchObject({ code: 'store.unavailable', retriable: true });
    await database.close();
  });
});
