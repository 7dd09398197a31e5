/*
 * Changes an installation's keys one after the other until it is killed; prints `ready` before it begins, `changed`
 * after each.
 * Usage: node change-keys.mjs <ledger folder> <key folder> <case folder> <time>
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { finishRotation, rotateLedgerKey } from '#services/disclosure';
import { rotateMasterKeyFile } from '#shared/case-files';

const [ledgerFolder, keyFolder, caseFolder, time] = process.argv.slice(2);
const options = { ledgerFolder, keyFolder, clock: { now: () => Date.parse(time) } };
writeSync(1, 'ready\n');
for (;;) {
  await rotateLedgerKey(options).catch((error) => {
    // The one before was cut off before its end.
    if (error.code !== 'rotation.unfinished') throw error;
  });
  await rotateMasterKeyFile(join(keyFolder, 'case-master-keys.txt'), caseFolder);
  await finishRotation(options);
  writeSync(1, 'changed\n');
}
