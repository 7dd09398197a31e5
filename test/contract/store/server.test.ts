import { expect, it } from 'vitest';
import { openServerDatabase } from '#shared/store';
import { openHttpEngine, realServer } from '../../support/clickhouse-http/server-kinds.ts';
import { storeContract } from './contract.ts';

storeContract('client over HTTP (the embedded engine behind HTTP)', () => openHttpEngine('here'));

storeContract('client over HTTP (the embedded engine behind HTTP in a process of its own)', () =>
  openHttpEngine('process'),
);

const real = realServer();
if (real !== null) storeContract(`client over HTTP (${real.name})`, real.open);
else
  it.skip('the store contract on a ClickHouse server (skipped: needs GRIFFIE_CLICKHOUSE_URL or Docker)', () => {});

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
