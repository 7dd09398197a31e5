import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Replay } from '#shared/control';
import { createNoteSigner, decodeEntry, type LedgerEntry, parseVerifierKey, verifyLog } from '#shared/ledger';
import { readTileDirectory } from '#shared/ledger-storage';

/** The ledger of a data folder that no process has open: whole, and with everything in it that must follow. */
export async function verifiedEntries(data: string): Promise<LedgerEntry[]> {
  const key = JSON.parse(await readFile(join(data, 'keys/ledger-signing-key.json'), 'utf8'));
  const { vkey } = createNoteSigner(key.origin, key.privateKey).verifier;
  const replay = new Replay();
  const found: LedgerEntry[] = [];
  const report = await verifyLog(readTileDirectory(join(data, 'ledger')), {
    verifiers: [parseVerifierKey(vkey)],
    onEntries: async (leaves, first) => {
      found.push(...leaves.map(decodeEntry));
      await replay.take(leaves, first);
    },
  });
  expect(report.problems).toEqual([]);
  expect(replay.report().problems).toEqual([]);
  return found;
}
