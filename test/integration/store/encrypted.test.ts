import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createMigrations,
  createPartitions,
  createTrafficStore,
  defaultRetention,
  type EncryptedDatabase,
  loadMigrations,
  openEmbeddedDatabase,
  openEncryptedDatabase,
  type TrafficStore,
} from '#shared/store';
import { aliceScope, delivery, readAll, rowsOf, times } from './helpers.ts';

const now = times('2096-06-10T00:00:00.000Z');
const weekMs = 7 * 86_400_000;
const planted = ['alice@example.nl', 'planted-sender@example.org', 'planted-reject@example.com'];

interface Open extends EncryptedDatabase {
  readonly store: TrafficStore;
}

describe('the embedded engine on its encrypted disk', () => {
  let root: string;
  const at = (name: string): string => join(root, name);
  let open: Open;

  async function openAt(name: string, keys = 'keys'): Promise<Open> {
    const opened = await openEncryptedDatabase({ folder: at(name), keyFolder: at(keys), now });
    const { database } = opened;
    await createMigrations(database, {
      retention: defaultRetention,
      migrations: await loadMigrations(),
    }).apply();
    return { ...opened, store: createTrafficStore(database, { retention: defaultRetention }) };
  }
  const eventOf = (ordinal: number, day: string) =>
    delivery(ordinal, {
      senderAddress: 'planted-sender@example.org',
      collectedAt: `${day}T10:00:00.000Z`,
      occurredAt: `${day}T09:00:00.000Z`,
    });
  const insert = ({ store }: Open, ordinal: number, day: string) =>
    store.insertEvents([eventOf(ordinal, day)], { deduplicationToken: `day-${ordinal}` });
  const addressesRead = async ({ store }: Open): Promise<number> =>
    (await readAll(store, aliceScope, now)).length;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'griffie-encrypted-'));
    open = await openAt('data');
  });
  afterEach(async () => {
    await open.store.close();
    await rm(root, { recursive: true, force: true });
  });

  it('a copied data folder has no address in any byte, and cannot be opened without its keys', async () => {
    const { database, store } = open;
    for (let n = 1; n <= 6; n++) await insert(open, n, '2096-06-01');
    await store.insertRejected(
      [
        {
          coordinates: 'mail.traffic.v1/0/1',
          reason: 'event.invalid',
          rejectedAt: '2096-06-01T10:00:00.000Z',
          valueBase64: Buffer.from('planted-reject@example.com').toString('base64'),
          valueBytes: 26,
          valueSha256: '00'.repeat(32),
        },
      ],
      { deduplicationToken: 'rejected' },
    );
    // What was merged, what a mutation wrote anew, and what was detached.
    await database.command('OPTIMIZE TABLE traffic FINAL');
    await database.command(
      "ALTER TABLE traffic DELETE WHERE recipientAddress = 'planted-sender@example.org' SETTINGS mutations_sync = 2",
    );
    await insert(open, 7, '2096-06-02');
    await database.command("ALTER TABLE traffic DETACH PARTITION ID '20960602'");
    expect(await addressesRead(open)).toBe(6);
    await cp(at('data'), at('copy'), { recursive: true });

    const files = await filesUnder(at('copy'));
    let encrypted = 0;
    for (const file of files) {
      const bytes = await readFile(file);
      for (const address of planted) expect(bytes.includes(address), file).toBe(false);
      if (bytes.subarray(0, 3).toString('latin1') === 'ENC') encrypted += 1;
    }
    expect(encrypted).toBeGreaterThan(30);
    for (const key of await open.diskKeys.list()) {
      const { keyHex } = JSON.parse(await readFile(join(at('keys'), `${key.id}.key`), 'utf8')) as {
        keyHex: string;
      };
      for (const file of files) expect((await readFile(file)).includes(keyHex), file).toBe(false);
    }

    await open.store.close();
    await expect(openAt('copy', 'other-keys')).rejects.toMatchObject({
      code: 'store.key_missing',
      message: expect.stringMatching(
        /of days from 2096-05-28 to 2096-06-02, need a key .* not in .*other-keys/,
      ),
    });
    await expect(openEmbeddedDatabase({ folder: at('copy') })).rejects.toMatchObject({
      code: 'store.key_missing',
    });
    open = await openAt('copy');
    expect(await addressesRead(open)).toBe(6);
  });

  it('keeps its keys for its own user, out of the command line and the environment of its process', async () => {
    const [key] = await open.diskKeys.list();
    expect((await stat(at('keys'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(at('keys'), `${key?.id}.key`))).mode & 0o777).toBe(0o600);
    expect(await readdir(at('keys'))).toEqual([`${key?.id}.key`]);
    expect(Object.keys(process.env).filter((name) => name.startsWith('GRIFFIE_DISK_KEY'))).toEqual([]);
    const { keyHex } = JSON.parse(await readFile(join(at('keys'), `${key?.id}.key`), 'utf8')) as {
      keyHex: string;
    };
    for (const name of ['cmdline', 'environ']) {
      expect((await readFile(`/proc/self/${name}`)).includes(keyHex), name).toBe(false);
    }
  });

  it('writes no sorting or grouping to the disk: a query that outgrows its memory ends', async () => {
    const rows = await rowsOf(
      open.database,
      "SELECT name, value FROM system.settings WHERE name LIKE 'max_bytes%before_external%'",
    );
    expect(rows).toHaveLength(6);
    expect(rows.filter(({ value }) => value !== '0')).toEqual([]);
  });

  it('loses nothing and shows nothing twice while keys change under load, and each file keeps its key', async () => {
    let inserting = true;
    let inserted = 0;
    const load = (async () => {
      for (let n = 1; inserting; n++) {
        await insert(open, n, `2096-06-0${1 + (n % 9)}`);
        inserted = n;
      }
    })();
    const reading = (async () => {
      while (inserting) expect(await addressesRead(open)).toBeLessThanOrEqual(inserted + 1);
    })();
    for (let week = 1; week <= 4; week++) {
      const change = await open.diskKeys.change({ now: now + week * weekMs, create: true, destroy: [] });
      expect(change).toMatchObject({ created: { id: (now + week * weekMs) / 1000 }, destroyed: [] });
      const before = inserted;
      while (inserted < before + 5) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    inserting = false;
    await Promise.all([load, reading]);
    expect(inserted).toBeGreaterThan(20);
    expect(await addressesRead(open)).toBe(inserted);
    const { keys } = await open.diskKeys.look();
    expect(keys.filter(({ files }) => files > 0)).toHaveLength(5);
    expect(keys.map(({ current }) => current)).toEqual([false, false, false, false, true]);

    await open.store.close();
    open = await openAt('data');
    expect(await addressesRead(open)).toBe(inserted);
  });

  it('does not change keys while data are being read, and does not hold up who reads', async () => {
    for (let n = 1; n <= 3; n++) await insert(open, n, '2096-06-01');
    const reading = open.store.readScope(aliceScope, { now })[Symbol.asyncIterator]();
    await reading.next();
    let changed = false;
    const changing = open.diskKeys.change({ now, create: false, destroy: [] }).then(() => {
      changed = true;
    });
    // Who reads may read and write more before it ends: a copy of what is held does.
    expect(await addressesRead(open)).toBe(3);
    await insert(open, 4, '2096-06-01');
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(changed).toBe(false);
    while (!(await reading.next()).done);
    await changing;
    expect(await addressesRead(open)).toBe(4);
  });

  it('destroys a key once no file needs it, and with it every copy of its days', async () => {
    const partitions = createPartitions(open.database, { database: 'default' });
    await partitions.holdEngineExpiry();
    await insert(open, 1, '2096-06-01');
    await cp(at('data'), at('backup'), { recursive: true });
    await cp(at('keys'), at('keys-of-then'), { recursive: true });
    const [first] = await open.diskKeys.list();
    const id = first?.id ?? 0;
    const destroy = { now, create: false, destroy: [id] };

    await open.diskKeys.change({ now: now + weekMs, create: true, destroy: [] });
    await insert(open, 2, '2096-06-08');
    // A day still needs it: refused, whoever asks.
    expect((await open.diskKeys.look()).keys[0]).toMatchObject({ files: expect.any(Number), free: false });
    expect((await open.diskKeys.change(destroy))?.destroyed).toEqual([]);

    for (const { table, day } of await partitions.list()) {
      if (day <= '2096-06-01') await partitions.drop(table, day);
    }
    await until(async () => (await open.diskKeys.look()).keys[0]?.free === true);
    // While the key lives, a copy of before is readable.
    await open.store.close();
    open = await openAt('backup');
    expect(await addressesRead(open)).toBe(1);
    await open.store.close();

    open = await openAt('data');
    expect(await open.diskKeys.change(destroy)).toEqual({
      created: null,
      destroyed: [id],
      files: expect.any(Number),
    });
    expect((await readdir(at('keys'))).length).toBe(1);
    // The tables' own files are under the living key: nothing is lost.
    await insert(open, 3, '2096-06-09');
    await open.store.close();
    open = await openAt('data');
    expect(await addressesRead(open)).toBe(2);
    await open.store.close();
    await expect(openAt('backup')).rejects.toMatchObject({ code: 'store.key_missing' });
    open = await openAt('data');
  });

  it('refuses keys that others can read, and tables that were made in plain', async () => {
    await open.store.close();
    const [key] = await readdir(at('keys'));
    const { chmod } = await import('node:fs/promises');
    await chmod(join(at('keys'), key ?? ''), 0o640);
    await expect(openAt('data')).rejects.toMatchObject({ code: 'store.keys_unusable' });
    await chmod(join(at('keys'), key ?? ''), 0o600);
    await mkdir(at('plain'));
    const plain = await openEmbeddedDatabase({ folder: at('plain') });
    await plain.command('CREATE TABLE t (a String) ENGINE = MergeTree ORDER BY a');
    await plain.close();
    await expect(openAt('plain')).rejects.toMatchObject({ code: 'store.not_encrypted' });
    open = await openAt('data');
  });
});

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 200) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('it did not come to hold within a minute');
}
