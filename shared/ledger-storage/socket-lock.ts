import { LedgerError, type LedgerLock } from '#shared/ledger';
import { lockFolder as lock } from '#shared/runtime';

/**
 * The writer's lock on a ledger's folder; seen to be its own before each commit.
 * @throws LedgerError `ledger.locked` where a live process has the lock.
 */
export async function lockFolder(folder: string): Promise<LedgerLock> {
  const held = await lock(folder);
  if (held === null) throw new LedgerError('ledger.locked', 'Another running process writes this ledger.');
  return held;
}
