// The retention service with a ledger and an encrypted engine in the folder given, and a key of the disk for
// each day. `run`: stores a day, takes the one of three days before away, and looks, day after day by a clock
// of its own; it says each day's number once the day is stored. `look`: says what is there, finishes what was
// left, and says it again. With a step, such as `after disk_key.retired`, it kills itself there. Run from the
// built project; else killed by its test.
import { writeSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createRetention } from '#services/retention';
import { silentLogger } from '#shared/runtime';
import {
  createHeldTraffic,
  createPartitions,
  defaultRetention,
  expiringTables,
  openEncryptedDatabase,
} from '#shared/store';
import { categoryIds } from '#shared/traffic';
import { openDisclosureIn } from './disclosure-in.mjs';

const [folder, mode, firstDay, step] = process.argv.slice(2);
const at = (name) => join(folder, name);
const midnightOf = (number) => Date.UTC(2096, 0, 1 + number);
const dayOf = (number) => new Date(midnightOf(number)).toISOString().slice(0, 10);
let today = Number(firstDay);
const clock = { now: () => midnightOf(today) + 5000 };

const { database, diskKeys, installation, store, disclosure } = await openDisclosureIn(folder, clock, () =>
  openEncryptedDatabase({ folder: at('engine'), keyFolder: at('disk-keys'), now: clock.now() }),
);
const partitions = createPartitions(database, { database: 'default' });
const reach = (reached) => {
  if (step === reached) process.kill(process.pid, 'SIGKILL');
};
const { retentionRecord } = disclosure;
const record = {
  ...retentionRecord,
  async append(draft) {
    reach(`before ${draft.kind}`);
    await retentionRecord.append(draft);
    reach(`after ${draft.kind}`);
  },
};
const keys = {
  ...diskKeys,
  async change(change) {
    const changed = await diskKeys.change(change);
    if (changed?.destroyed.length > 0) reach('after the key');
    return changed;
  },
};
const retention = createRetention({
  partitions: { ...partitions, engineTime: async () => clock.now() },
  held: createHeldTraffic(database, { database: 'default', retention: defaultRetention }),
  record,
  policy: { period: defaultRetention, legalBasis: 'policy of the test' },
  diskKeys: { keys, days: 1 },
  places: [],
  clock,
  monotonic: () => clock.now(),
  logger: silentLogger,
});

const eventOf = (number) => ({
  schemaVersion: 1,
  eventId: number.toString(16).padStart(32, '0'),
  type: 'message.delivered',
  occurredAt: `${dayOf(number)}T00:00:01.000Z`,
  collectedAt: `${dayOf(number)}T00:00:02.000Z`,
  host: 'mx.example.nl',
  software: 'postfix',
  service: 'smtp',
  recipientAddress: 'alice@example.nl',
  correlation: 'complete',
  sourceId: 'mail.log',
  sourcePosition: String(number),
});

if (mode === 'run') {
  for (; ; today++) {
    await store.insertEvents([eventOf(today)], { deduplicationToken: `day-${today}` });
    // Synchronous, so that what was said is out even if the process dies in the next instant.
    writeSync(1, `${today}\n`);
    for (const table of expiringTables) {
      // A week of the index goes once its last day may: days are taken here that have not expired.
      await partitions.drop(table, dayOf(today - (table === 'traffic_index' ? 9 : 3)));
    }
    await retention.tick();
  }
}

const scope = {
  targets: [{ kind: 'address', value: 'alice@example.nl' }],
  from: '2096-01-01T00:00:00.000Z',
  to: '2100-01-01T00:00:00.000Z',
  categories: categoryIds,
  collectedUpTo: '2100-01-01T00:00:00.000Z',
};
async function look() {
  const entries = [];
  for await (const { entry } of installation.ledger.entries()) {
    const { kind, details } = entry;
    if (kind.startsWith('disk_key.')) entries.push({ kind, details });
  }
  const stored = [];
  for await (const events of store.readScope(scope, { now: clock.now() })) {
    stored.push(...events.map((event) => Number(event.sourcePosition)));
  }
  const { keys, needed } = await diskKeys.look();
  return { entries, stored, keys, needed: [...needed], files: await readdir(at('disk-keys')) };
}
const before = await look();
await retention.tick();
today += 1;
await retention.tick();
const { fault } = retention.status();
process.stdout.write(JSON.stringify({ before, after: await look(), fault, today }));
await retention.stop();
await disclosure.close();
await store.close();
await installation.ledger.close();
