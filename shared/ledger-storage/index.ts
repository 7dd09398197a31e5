export type { Disk } from './disk.ts';
export { createMemoryStorage } from './memory.ts';
export { createMemoryOrder } from './ordered/memory-order.ts';
export {
  createOrderedLedger,
  type OrderedLedger,
  type OrderedLedgerOptions,
} from './ordered/ordered-ledger.ts';
export { seedOrder } from './ordered/seed.ts';
export { createTileDirectory, readTileDirectory } from './tile-directory.ts';
