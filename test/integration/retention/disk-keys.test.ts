import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRetention, type Retention } from '#services/retention';
import { type DetailsOf, Replay } from '#shared/control';
import { encodeEntry } from '#shared/ledger';
import type { Scope } from '#shared/orders';
import { packageRoot, silentLogger } from '#shared/runtime';
import {
  createHeldTraffic,
  createPartitions,
  type DiskKeys,
  dayExpiresAt,
  dayOf,
  isDayExpired,
} from '#shared/store';
import { isBuilt } from '../../support/griffie-process.ts';
import { startTestService, type TestService, testStart } from '../../support/test-service.ts';
import { aliceScope, delivery, readAll } from '../store/helpers.ts';
import { mondayOf } from './support.ts';

const dayMs = 86_400_000;
/** Months of the retention period. In the full run the six of the default (ROUNDS=6). */
const months = Number(process.env.ROUNDS ?? 1);
const period = { months };
const weeks = Math.ceil((months * 31) / 7) + 2;
/** How long before the end of its first day the copy is made: eight weeks, where a day is kept for so long. */
const weeksBefore = months === 1 ? 1 : 8;
const firstDay = testStart.slice(0, 10);
const keptDays = Math.floor(
  (dayExpiresAt(firstDay, period) - Date.parse(`${firstDay}T00:00:00.000Z`)) / dayMs,
);
const copiedDays = keptDays - weeksBefore * 7;

describe(`keys of the disk over ${weeks} weeks of which ${months} months are kept, by a moved clock, with the real engine`, () => {
  let root: string;
  let t: TestService;
  let diskKeys: DiskKeys;
  let retention: Retention;
  /** Keeps an event about carol, which is older than all others. */
  let holdingOrder: string;
  const eventsThen: Record<string, number> = {};
  const at = (name: string): string => join(root, name);

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'griffie-keys-'));
    t = await startTestService({ folder: at('data'), diskKeyFolder: at('keys') });
    if (t.diskKeys === undefined) throw new Error('the store is not on an encrypted disk');
    diskKeys = t.diskKeys;
    retention = newRetention();
    const held = eventOf(100_000, '2096-11-19');
    await t.store.insertEvents([{ ...held, recipientAddress: 'carol@example.nl' }], {
      deduplicationToken: 'held',
    });
    const scope = {
      ...t.orderDraft().scope,
      targets: [{ kind: 'address' as const, value: 'carol@example.nl' }],
    };
    const validUntil = '2099-01-01T00:00:00.000Z';
    holdingOrder = await t.record(await t.enrol('registrar'), t.orderDraft({ scope, validUntil }));
  });
  afterAll(async () => {
    await t.stop();
    await rm(root, { recursive: true, force: true });
  });

  /** As after a restart. */
  const newRetention = (): Retention =>
    createRetention({
      partitions: {
        ...createPartitions(t.database, { database: 'default' }),
        engineTime: async () => t.clock.now(),
      },
      held: createHeldTraffic(t.database, { database: 'default', retention: period }),
      record: t.service.retentionRecord,
      policy: { period, legalBasis: 'policy of the test' },
      diskKeys: { keys: diskKeys, days: 7 },
      places: [],
      clock: t.clock,
      monotonic: () => t.clock.now(),
      logger: silentLogger,
    });
  const eventOf = (n: number, day: string) =>
    delivery(n, { collectedAt: `${day}T10:00:00.000Z`, occurredAt: `${day}T09:00:00.000Z` });
  const keyEntries = async () => (await t.entries()).filter(({ kind }) => kind.startsWith('disk_key.'));
  const destroyed = async () =>
    (await keyEntries())
      .filter(({ kind }) => kind === 'disk_key.destroyed')
      .map(({ details }) => details as DetailsOf<'disk_key.destroyed'>);

  it('changes each week, and dies when its last day is gone', async () => {
    const start = Date.parse(`${testStart.slice(0, 10)}T00:00:00.000Z`);
    for (let n = 0; n < weeks * 7; n++) {
      const midnight = start + n * dayMs;
      await t.store.insertEvents([eventOf(n, dayOf(midnight))], { deduplicationToken: `day-${n}` });
      t.clock.set(new Date(midnight + dayMs + 2000).toISOString());
      if (n % 40 === 39) retention = newRetention();
      await retention.tick();
      expect(retention.status().fault, dayOf(midnight)).toBeNull();
      if (n + 1 === copiedDays) {
        await cp(at('data/engine'), at('backup'), { recursive: true });
        if (isBuilt) eventsThen['weeks before'] = await readCopy(t.clock.now());
      }
      if (n + 1 === keptDays && isBuilt) eventsThen['a day before'] = await readCopy(t.clock.now());
    }
    const { diskKeys: shown } = retention.status();
    const entries = await keyEntries();
    expect(entries.filter(({ kind }) => kind === 'disk_key.created').length).toBe(weeks + 1);
    const gone = await destroyed();
    expect(gone.length).toBeGreaterThanOrEqual(2);
    expect(shown.length).toBe(weeks + 1 - gone.length);
    expect((await readdir(at('keys'))).length).toBe(shown.length);
    for (const { to, destroyedAt, filesChecked, how } of gone) {
      expect(filesChecked).toBeGreaterThan(50);
      expect(how).toBe('erased');
      const age = Date.parse(destroyedAt) - Date.parse(`${to}T00:00:00.000Z`);
      // Its last day was the one before `to`.
      expect(age / dayMs).toBeGreaterThan(months * 28);
      expect(age / dayMs).toBeLessThan(months * 31 + 2);
    }
    // Each key that is shown has the days on which it was written under, as its files have them.
    for (const { current, firstDay, lastDay, createdAt } of shown.slice(1)) {
      if (current) continue;
      // What goes by the week is of its first day, which was written under the key before.
      const written = createdAt.slice(0, 10);
      expect(firstDay).toBe(mondayOf(written));
      expect(Date.parse(lastDay ?? '') - Date.parse(written)).toBe(6 * dayMs);
    }
    const days = Array.from({ length: weeks * 7 }, (_, n) => dayOf(start + n * dayMs));
    const kept = days.filter((day) => !isDayExpired(day, t.clock.now(), period)).length;
    expect((await readAll(t.store, aliceScope, t.clock.now())).length).toBe(kept);
  }, 300_000);

  it('does not die before what an order holds is written under a later one', async () => {
    const held = createHeldTraffic(t.database, { database: 'default', retention: period });
    expect((await held.list()).map(({ orderId, records }) => [orderId, records])).toEqual([
      [holdingOrder, 1],
    ]);
    // Its files are under the newest keys, though its day and the key of its copy went long ago.
    const holds = [{ orderId: holdingOrder, until: '2099-01-01T00:00:00.000Z' }];
    const scope: Scope = { ...aliceScope, targets: [{ kind: 'address', value: 'carol@example.nl' }] };
    const now = t.clock.now();
    expect(await t.store.countScope(scope, { now, holds })).toEqual({ 'message.delivered': 1 });
    expect(await t.store.countScope(scope, { now })).toEqual({});
  });

  it('an auditor replays it, and finds a destruction that does not follow', async () => {
    const leaves: { kind: string; bytes: Uint8Array }[] = [];
    for await (const { entry } of t.ledger.entries())
      leaves.push({ kind: entry.kind, bytes: encodeEntry(entry) });
    const problemsOf = async (log: readonly { bytes: Uint8Array }[]) => {
      const replay = new Replay();
      await replay.take(
        log.map(({ bytes }) => bytes),
        0,
      );
      return replay.report().problems;
    };
    expect(await problemsOf(leaves)).toEqual([]);
    const withoutRetirement = leaves.filter(({ kind }) => kind !== 'disk_key.retired');
    expect(await problemsOf(withoutRetirement)).toMatchObject([
      { code: 'entry.impossible', sentence: expect.stringContaining('disk_key.in_use') },
    ]);
  });

  it.skipIf(!isBuilt)(
    'a copy is readable while its keys live, and by nobody after (needs npm run build)',
    async () => {
      // When it was made, and on the day before its first day ended.
      expect(eventsThen).toEqual({ 'weeks before': copiedDays, 'a day before': copiedDays });
      const now = t.clock.now();
      await expect(readCopy(now)).rejects.toThrow(`of days from ${mondayOf(testStart)}`);
      // Without the days whose keys are gone the rest of it can be restored: its tables are under its newest key.
      const [oldest] = retention.status().diskKeys;
      const parts = await readdir(at('backup/encrypted'), { recursive: true });
      for (const name of parts) {
        const day = /\/(\d{8})_\d+_\d+_\d+$/.exec(name)?.[1];
        if (day !== undefined && day < (oldest?.createdAt.slice(0, 10).replaceAll('-', '') ?? '')) {
          await rm(at(`backup/encrypted/${name}`), { recursive: true });
        }
      }
      const left = await readCopy(now);
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThan(copiedDays);
    },
  );

  it('finishes what a crash left between the entry, the key and the certificate', async () => {
    const [oldest] = retention.status().diskKeys;
    if (oldest === undefined) throw new Error('there is no key');
    // Killed after the entry: the key is needed still, and stays, however often it is looked.
    const recorded = (await t.service.retentionRecord.view()).diskKeys[0];
    if (recorded?.usedUntil == null) throw new Error('the oldest key is in use');
    const details = {
      keyId: oldest.id,
      fingerprintSha256: oldest.digest,
      from: recorded.createdAt.slice(0, 10),
      to: recorded.usedUntil.slice(0, 10),
      filesChecked: 1,
    };
    await t.service.retentionRecord.append({ kind: 'disk_key.retired', details });
    const before = (await destroyed()).length;
    retention = newRetention();
    await retention.tick();
    expect((await destroyed()).length).toBe(before);
    expect(await readdir(at('keys'))).toContain(`${oldest.id}.key`);
    // Taken away by another hand, while files need it: an alarm in the log, and no certificate.
    const key = join(at('keys'), `${oldest.id}.key`);
    await cp(key, at('kept'));
    await rm(key);
    await retention.tick();
    expect((await destroyed()).length).toBe(before);
    await cp(at('kept'), key);
    // Its days end; killed between the key and the certificate.
    const partitions = createPartitions(t.database, { database: 'default' });
    for (const { table, day } of await partitions.list()) {
      if (day <= (oldest.lastDay ?? '')) await partitions.drop(table, day);
    }
    for (let tries = 0; (await diskKeys.look()).keys[0]?.free !== true; tries++) {
      if (tries > 300) throw new Error('the files of the days are still there');
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await diskKeys.change({ now: t.clock.now(), create: false, destroy: [oldest.id] });
    expect(await readdir(at('keys'))).not.toContain(`${oldest.id}.key`);
    await newRetention().tick();
    expect((await destroyed()).at(-1)).toMatchObject({ keyId: oldest.id, how: 'found_gone' });
  });

  /** Events that the copy shows; another process reads it, because the engine is bound to one folder in each. */
  async function readCopy(now: number): Promise<number> {
    const child = join(packageRoot, 'test', 'support', 'children', 'store-read.mjs');
    const args = [child, at('backup'), at('keys'), String(now)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return (JSON.parse(stdout) as unknown[]).length;
  }
});
