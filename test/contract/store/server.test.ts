import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openServerDatabase } from '#shared/store';
import { storeContract } from './contract.ts';
import { startHttpEngine } from './http-engine.ts';

const serverUrl = process.env.GRIFFIE_CLICKHOUSE_URL;

if (serverUrl === undefined) {
  storeContract('client over HTTP (no GRIFFIE_CLICKHOUSE_URL: the embedded engine behind HTTP)', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'griffie-http-'));
    const engine = await startHttpEngine(folder);
    return {
      database: openServerDatabase({
        url: engine.url,
        username: 'default',
        password: '',
        database: 'default',
      }),
      async remove() {
        await engine.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  });
} else {
  storeContract('ClickHouse server', async () => {
    const account = {
      url: serverUrl,
      username: process.env.GRIFFIE_CLICKHOUSE_USER ?? 'default',
      password: process.env.GRIFFIE_CLICKHOUSE_PASSWORD ?? '',
    };
    const admin = openServerDatabase({ ...account, database: 'default' });
    const database = `griffie_test_${randomUUID().slice(0, 8)}`;
    await admin.command(`CREATE DATABASE ${database}`);
    return {
      database: openServerDatabase({ ...account, database }),
      async remove() {
        await admin.command(`DROP DATABASE ${database}`);
        await admin.close();
      },
    };
  });
}

it('a server that is away is an error to retry', async () => {
  const database = openServerDatabase({
    url: 'http://127.0.0.1:1',
    username: 'default',
    password: '',
    database: 'default',
  });
  await expect(database.command('SELECT 1')).rejects.toMatchObject({
    code: 'store.unavailable',
    retriable: true,
  });
  await database.close();
});
