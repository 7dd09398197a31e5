import { stat } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbeddedDatabase } from '#shared/store';
import { type OpenStore, openTemporaryStore, rowsOf } from './helpers.ts';

describe('the embedded engine', () => {
  let open: OpenStore;
  beforeAll(async () => {
    open = await openTemporaryStore();
  });
  afterAll(() => open.remove());

  it('keeps its data folder for its own user', async () => {
    expect((await stat(open.folder)).mode & 0o777).toBe(0o700);
  });

  it('gives freed memory back within half a second, and leaves nothing in the environment', async () => {
    const quick = "stats LIKE '%opt.dirty_decay_ms: 500 %'";
    const found = await rowsOf(open.database, `SELECT ${quick} AS isQuick FROM system.jemalloc_stats`);
    expect(found).toEqual([{ isQuick: 1 }]);
    expect(process.env).not.toHaveProperty('JE_MALLOC_CONF');
  });

  it('leaves the event loop free while it works', async () => {
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
    }, 5);
    await rowsOf(open.database, 'SELECT sleep(1)');
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(20);
  });

  it('gives rows while the query runs, and ends it when the reader leaves', async () => {
    let rows = 0;
    const query = {
      text: 'SELECT number FROM numbers(100000000000) SETTINGS max_block_size = 1000',
      parameters: {},
    };
    for await (const group of open.database.rows(query)) {
      rows += group.length;
      if (rows > 10_000) break;
    }
    expect(rows).toBeLessThan(1_000_000);
    expect(await rowsOf(open.database, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('reads and writes side by side', async () => {
    const read = rowsOf(open.database, 'SELECT sum(cityHash64(number)) AS sum FROM numbers(20000000)');
    await open.database.command('CREATE TABLE IF NOT EXISTS side (n UInt8) ENGINE = Memory');
    await open.database.insert('side', ['n'], ['{"n":1}'], 'side-1');
    await read;
    expect(await rowsOf(open.database, 'SELECT n FROM side')).toEqual([{ n: 1 }]);
  });

  it('gives errors by code, without the text that the engine put into them', async () => {
    const failure = rowsOf(open.database, "SELECT throwIf(1, 'suspect@example.nl')");
    await expect(failure).rejects.toMatchObject({
      code: 'store.refused',
      engineCode: '395',
      message: expect.not.stringContaining('suspect'),
    });
    await expect(
      open.database.insert('side', ['n'], ['{"n":"suspect@example.nl"}'], 'bad'),
    ).rejects.toMatchObject({
      code: 'store.refused',
      message: expect.not.stringContaining('suspect'),
    });
  });

  it('is refused to every caller once closed', async () => {
    const other = await openEmbeddedDatabase({ folder: open.folder });
    await other.close();
    await other.close();
    await expect(rowsOf(other, 'SELECT 1')).rejects.toMatchObject({ code: 'store.closed' });
  });
});
