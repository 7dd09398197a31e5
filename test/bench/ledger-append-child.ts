import { v7 as uuidv7 } from 'uuid';
import {
  createLedger,
  createNoteSigner,
  encodeEntry,
  generateNoteKey,
  type LedgerEntry,
} from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';

/*
 * Child process of the benchmark: callers that each append an entry, wait until it is durable and published,
 * and append the next. Prints its times as one JSON line. Arguments: an empty folder, number of entries,
 * callers at the same time, bytes of an entry.
 */

const [folder = '', ...numbers] = process.argv.slice(2);
const [total = 0, callers = 1, bytes = 0] = numbers.map(Number);
const signer = createNoteSigner('griffie.example.nl/ledger', generateNoteKey());
const ledger = await createLedger({ storage: createTileDirectory(folder), signer });

const entry = (padding: number): LedgerEntry => ({
  v: 1,
  kind: 'access.granted',
  id: uuidv7(),
  at: '2026-11-22T18:14:11.000Z',
  actor: { credential: 'A'.repeat(43), role: 'auditor' },
  evidence: `${'B'.repeat(padding)}.B.B`,
  details: { route: 'GET /v1/orders' },
});
const padding = bytes - encodeEntry(entry(1)).length + 1;

let made = 0;
async function appendAll(): Promise<void> {
  while (made < total) {
    made++;
    await ledger.append([entry(padding)]);
  }
}

const cpuBefore = process.cpuUsage();
const started = process.hrtime.bigint();
await Promise.all(Array.from({ length: callers }, appendAll));
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
const { user, system } = process.cpuUsage(cpuBefore);
const { size } = ledger.checkpoint();
await ledger.close();
process.stdout.write(`${JSON.stringify({ entries: size, seconds, cpuSeconds: (user + system) / 1e6 })}\n`);
