import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLedger, createNoteSigner, generateNoteKey } from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';
import { silentLogger, systemClock } from '#shared/runtime';
import { openControlPlane } from '../../services/disclosure/control/control-plane.ts';
import { snapshotKeyOf } from '../../services/disclosure/control/snapshot-file.ts';
import { createStateSnapshots } from '../../services/disclosure/control/state-snapshots.ts';
import { nodeDisk } from '../../shared/ledger-storage/disk.ts';
import { writeHistory } from './ledger-history.ts';

/*
 * Child process of the benchmark. `make <folder> <entries>` writes a ledger and prints its key; `start
 * <folder> <key> with|without` opens it as a service does, keeps the state at its end, and prints how long
 * each took as one JSON line.
 */

const [what, folder = '', ...rest] = process.argv.slice(2);
const ledgerFolder = join(folder, 'ledger');
if (what === 'make') {
  const key = generateNoteKey();
  // Durability is measured elsewhere; here it would only make the making slow.
  const quick = {
    ...nodeDisk,
    writeSynced: (path: string, bytes: Uint8Array) => writeFile(path, bytes),
    syncFolder: async () => {},
  };
  await writeHistory(createTileDirectory(ledgerFolder, quick), key, Number(rest[0]));
  process.stdout.write(`${JSON.stringify({ key })}\n`);
} else {
  const [key = '', kept] = rest;
  const signer = createNoteSigner('griffie.example.nl/ledger', key);
  const snapshots = createStateSnapshots({
    folder: join(folder, 'snapshots'),
    key: snapshotKeyOf(key),
    logger: silentLogger,
    // None while it starts: the writing is timed on its own.
    entriesPerSnapshot: Number.POSITIVE_INFINITY,
  });
  const secondsSince = (from: bigint): number => Number(process.hrtime.bigint() - from) / 1e9;
  const spentBefore = process.cpuUsage();
  const starting = process.hrtime.bigint();
  const ledger = await createLedger({ storage: createTileDirectory(ledgerFolder), signer });
  const control = await openControlPlane(ledger, systemClock, kept === 'with' ? snapshots : undefined);
  const seconds = secondsSince(starting);
  const { user, system } = process.cpuUsage(spentBefore);
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  const keeping = process.hrtime.bigint();
  await snapshots.close(control.state, ledger.checkpoint());
  const { size, orders } = control.state;
  const report = {
    entries: size,
    orders: orders.size,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    keepSeconds: secondsSince(keeping),
    peakRssBytes,
  };
  await ledger.close();
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
