import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder, writeFileDurably } from '#shared/runtime';
import { PackageError } from './errors.ts';
import { packageLimits as limits } from './limits.ts';
import { assertStaged } from './members.ts';
import { memberNames } from './names.ts';

/**
 * Completes a staged package with its receipt and puts it, durably, where it can be fetched. May be called
 * again after a crash. Nothing is copied, however large the package is.
 * @param receipt the ledger's receipt (C2SP tlog-proof) of the entry that announced the package
 * @param sealed the folder that it becomes, on the same disk and not there yet
 * @param temporary beside both, and nobody else's while this is under way
 * @throws {PackageError} `package.staging`, `package.receipt`
 */
export async function sealPackage(
  staged: string,
  receipt: Uint8Array,
  sealed: string,
  temporary = `${sealed}.tmp`,
): Promise<void> {
  if (receipt.length === 0 || receipt.length > limits.receiptBytes) {
    throw new PackageError('package.receipt', 'the receipt is empty or too large');
  }
  await assertStaged(staged);
  await writeFileDurably(join(staged, memberNames.receipt), receipt, temporary);
  await rename(staged, sealed);
  await syncFolder(dirname(sealed));
}
