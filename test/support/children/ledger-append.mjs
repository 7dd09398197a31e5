/*
 * Appends to a ledger until it is killed, and prints `<index> <id>` for every entry that was acknowledged.
 * Ends with 3 where another process has the lock. Usage: node ledger-append.mjs <folder> <file with the key>
 */
import { readFileSync, writeSync } from 'node:fs';
import { v7 as uuidv7 } from 'uuid';
import { createLedger, createNoteSigner } from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';

const [folder, keyFile] = process.argv.slice(2);
const signer = createNoteSigner('log.example/griffie', readFileSync(keyFile, 'utf8'));
const ledger = await createLedger({ storage: createTileDirectory(folder), signer }).catch((error) => {
  if (error.code === 'ledger.locked') process.exit(3);
  throw error;
});
writeSync(1, 'ready\n');

async function appendForever() {
  for (let n = 0; ; n++) {
    const id = uuidv7();
    const at = '2026-11-22T18:14:11.000Z';
    const actor = { service: 'disclosure' };
    const [appended] = await ledger.append([{ v: 1, kind: 'access.refused', id, at, actor, details: { n } }]);
    writeSync(1, `${appended.index} ${id}\n`);
  }
}
await Promise.all(Array.from({ length: 5 }, appendForever));
