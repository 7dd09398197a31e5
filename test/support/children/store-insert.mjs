// Inserts batches into the embedded store in the folder given, for ever, and says each one's number on
// standard output once the insert was acknowledged. Run from the built project; killed by its test.
import { writeSync } from 'node:fs';
import {
  createMigrations,
  createTrafficStore,
  defaultRetention,
  loadMigrations,
  openEmbeddedDatabase,
} from '#shared/store';

const [folder, firstBatch, perBatch, collectedAt] = process.argv.slice(2);
const database = await openEmbeddedDatabase({ folder });
await createMigrations(database, { retention: defaultRetention, migrations: await loadMigrations() }).apply();
const store = createTrafficStore(database, { retention: defaultRetention });

const idOf = (batch, index) => (batch * 1_000_000 + index).toString(16).padStart(32, '0');

for (let batch = Number(firstBatch); ; batch++) {
  const events = Array.from({ length: Number(perBatch) }, (_, index) => ({
    schemaVersion: 1,
    eventId: idOf(batch, index),
    type: 'message.delivered',
    occurredAt: collectedAt,
    collectedAt,
    host: 'mx.example.nl',
    software: 'postfix',
    service: 'smtp',
    recipientAddress: 'alice@example.nl',
    correlation: 'complete',
    sourceId: 'mail.log',
    sourcePosition: `${batch}:${index}`,
  }));
  await store.insertEvents(events, { deduplicationToken: `batch-${batch}` });
  // Synchronous, so that a number that was said is out even if the process dies in the next instant.
  writeSync(1, `${batch}\n`);
}
