import type { LedgerStorage } from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';

/** What befalls the ledger's storage. `doubt`: the entries are in, and nobody can find out. */
export type LedgerFault = 'none' | 'beforeStage' | 'beforeSwap' | 'doubt';

export interface FaultyLedgerFiles extends LedgerStorage {
  /** @param on only commits that hold this text meet the fault */
  breakdown(fault: LedgerFault, on?: string): void;
  repair(): void;
}

/** A tile directory that fails at a chosen step, and that several take one after another without a lock. */
export function createFaultyLedgerFiles(folder: string): FaultyLedgerFiles {
  const lock = async () => ({ isHeld: async () => true, release: async () => {} });
  const disk = createTileDirectory(folder, undefined, lock);
  let fault: LedgerFault = 'none';
  let faultOn = '';
  let isMet = false;
  const failAt = (step: LedgerFault): void => {
    if (isMet && fault === step) throw Object.assign(new Error('input/output error'), { code: 'EIO' });
  };
  return {
    ...disk,
    stage: async (files) => {
      isMet = files.some(({ bytes }) => Buffer.from(bytes).includes(faultOn));
      failAt('beforeStage');
      await disk.stage(files);
    },
    swapCommitted: async (expected, next) => {
      failAt('beforeSwap');
      return disk.swapCommitted(expected, next);
    },
    publish: async (checkpoint) => {
      failAt('doubt');
      await disk.publish(checkpoint);
    },
    readCommitted: async () => {
      failAt('doubt');
      return disk.readCommitted();
    },
    breakdown: (step, on = '') => {
      fault = step;
      faultOn = on;
    },
    repair: () => {
      fault = 'none';
    },
  };
}
