import { Replay } from '#shared/control';
import { parseVerifierKey, verifyLog } from '#shared/ledger';
import { readTileDirectory } from '#shared/ledger-storage';

/*
 * Verifies a ledger as `griffie audit verify` does: tree, tiles, checkpoint, signatures, decisions.
 * Arguments: folder, verifier key, `tree` for the tree alone.
 */

const [folder = '', vkey = '', part] = process.argv.slice(2);
const started = process.hrtime.bigint();
const replay = new Replay();
const log = await verifyLog(readTileDirectory(folder), {
  verifiers: [parseVerifierKey(vkey)],
  ...(part === 'tree' ? {} : { onEntries: (leaves, first) => replay.take(leaves, first) }),
});
const { entries, signaturesVerified, problems, gaps } = replay.report();
const report = {
  entries: part === 'tree' ? log.checked.entries : entries,
  signaturesVerified,
  found: [...log.problems, ...problems, ...Object.keys(gaps)].length,
  seconds: Number(process.hrtime.bigint() - started) / 1e9,
  peakRssBytes: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
