/*
 * Appends to a ledger and kills itself at one operation of its disk: before it, within it (a file is half
 * written and not synced) or after it. Says what it dies of: `dies <operation> <place> <when>`; and for every
 * entry that was acknowledged `<index> <id>`; `lives <operations>` at the end. Loads everything, then waits for its order on standard input:
 * JSON with `folder`, `at` (number of the operation), `when` and `lots` (numbers of entries, an append each).
 * Usage: node ledger-die.mjs <file with the key>
 */
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { v7 as uuidv7 } from 'uuid';
import { createLedger, createNoteSigner } from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';
import { nodeDisk } from '../../../dist/shared/ledger-storage/disk.js';

const signer = createNoteSigner('log.example/griffie', readFileSync(process.argv[2], 'utf8'));
const { folder, at, when, lots } = JSON.parse(await text(process.stdin));
let operations = 0;

function die(operation, path) {
  const place = path.slice(folder.length + 1).replace(/\d+(\.p)?/g, 'N') || '.';
  writeSync(1, `dies ${operation} ${place} ${when}\n`);
  process.kill(process.pid, 'SIGKILL');
}

/** An operation that may be the last one. `half` is what is left of it when it is cut off within. */
function mortal(operation, half = () => {}) {
  return async (...args) => {
    const isLast = operations++ === at;
    const path = operation === 'rename' ? args[1] : args[0];
    if (isLast && when === 'within') half(...args);
    if (isLast && when !== 'after') die(operation, path);
    await nodeDisk[operation](...args);
    if (isLast) die(operation, path);
  };
}

const disk = {
  ...nodeDisk,
  writeSynced: mortal('writeSynced', (path, bytes) =>
    writeFileSync(path, bytes.subarray(0, bytes.length >> 1)),
  ),
  rename: mortal('rename'),
  makeFolder: mortal('makeFolder'),
  syncFolder: mortal('syncFolder'),
  remove: mortal('remove'),
};

const ledger = await createLedger({ storage: createTileDirectory(folder, disk), signer });
for (const count of lots) {
  const entries = Array.from({ length: count }, (_, n) => ({
    v: 1,
    kind: 'access.refused',
    id: uuidv7(),
    at: '2026-11-22T18:14:11.000Z',
    actor: { service: 'disclosure' },
    details: { n },
  }));
  const appended = await ledger.append(entries);
  writeSync(1, appended.map(({ index }, i) => `${index} ${entries[i].id}\n`).join(''));
}
await ledger.close();
writeSync(1, `lives ${operations}\n`);
