import { readFile } from 'node:fs/promises';
import { createTrafficStore, type Database, defaultRetention } from '#shared/store';
import { recognizeCanonical } from '#shared/traffic';

/**
 * The engine alone: inserts the events of a file again and again until it was so many, with nothing else
 * held in memory. What an ingester's memory is compared with.
 */
export async function insertFromFile(database: Database, path: string, events: number): Promise<void> {
  const store = createTrafficStore(database, { retention: defaultRetention });
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  const batch = lines.flatMap((line) => recognizeCanonical(Buffer.from(line))?.event ?? []);
  if (batch.length < lines.length) throw new Error('the generated events are not canonical');
  for (let inserted = 0; inserted < events; inserted += batch.length) {
    const part = batch.slice(0, events - inserted);
    await store.insertEvents(part, { deduplicationToken: `memory-${inserted}` });
  }
}
