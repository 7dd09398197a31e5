import type { LedgerStorage } from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';

/** A ledger's storage in memory whose disk can be filled and emptied. */
export function createFillableStorage(): { storage: LedgerStorage; fill(): void; empty(): void } {
  const memory = createMemoryStorage();
  let full = false;
  return {
    storage: {
      ...memory,
      stage: async (files) => {
        if (full) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
        await memory.stage(files);
      },
    },
    fill: () => {
      full = true;
    },
    empty: () => {
      full = false;
    },
  };
}
