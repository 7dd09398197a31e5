// The retention service with a ledger and an engine in the folder given. `run`: stores one more day that is
// past its time, and looks, for ever; it says each day's number before it is stored. `look`: finishes what
// was left, and says what the engine and the ledger have. Run from the built project; killed by its test.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { createRetention } from '#services/retention';
import { silentLogger, systemClock } from '#shared/runtime';
import { createHeldTraffic, createPartitions, defaultRetention, openEmbeddedDatabase } from '#shared/store';
import { openDisclosureIn } from './disclosure-in.mjs';

const [folder, mode, firstDay] = process.argv.slice(2);
const at = (name) => join(folder, name);
const clock = systemClock;
const { database, installation, store, disclosure } = await openDisclosureIn(folder, clock, async () => ({
  database: await openEmbeddedDatabase({ folder: at('engine') }),
}));
const partitions = createPartitions(database, { database: 'default' });
await partitions.holdEngineExpiry();
const heldBefore = await partitions.list();
const retention = createRetention({
  partitions,
  held: createHeldTraffic(database, { database: 'default', retention: defaultRetention }),
  record: disclosure.retentionRecord,
  policy: { period: defaultRetention, legalBasis: 'policy of the test' },
  places: [],
  clock,
  monotonic: () => performance.now(),
  logger: silentLogger,
});

const dayOf = (number) => new Date(Date.UTC(2000, 0, 1 + number)).toISOString().slice(0, 10);
const eventOf = (number, index) => ({
  schemaVersion: 1,
  eventId: (number * 1000 + index).toString(16).padStart(32, '0'),
  type: 'message.delivered',
  occurredAt: `${dayOf(number)}T10:00:00.000Z`,
  collectedAt: `${dayOf(number)}T10:00:00.000Z`,
  host: 'mx.example.nl',
  software: 'postfix',
  service: 'smtp',
  recipientAddress: 'alice@example.nl',
  correlation: 'complete',
  sourceId: 'mail.log',
  sourcePosition: `${number}:${index}`,
});

if (mode === 'run') {
  for (let number = Number(firstDay); ; number++) {
    // Synchronous, so that a number that was said is out even if the process dies in the next instant.
    writeSync(1, `${number}\n`);
    const events = Array.from({ length: 20 }, (_, index) => eventOf(number, index));
    await store.insertEvents(events, { deduplicationToken: `day-${number}` });
    await retention.tick();
  }
}

const entries = [];
for await (const { entry } of installation.ledger.entries()) {
  const { kind, subject, details } = entry;
  if (kind.startsWith('retention.')) entries.push({ kind, subject, details });
}
await retention.tick();
await retention.tick();
const after = [];
for await (const { entry } of installation.ledger.entries()) {
  const { kind, subject, details } = entry;
  if (kind.startsWith('retention.')) after.push({ kind, subject, details });
}
const heldAfter = await partitions.list();
process.stdout.write(JSON.stringify({ heldBefore, entriesBefore: entries, entries: after, heldAfter }));
await retention.stop();
await disclosure.close();
await store.close();
await installation.ledger.close();
