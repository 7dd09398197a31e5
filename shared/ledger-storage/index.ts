export type { Disk } from './disk.ts';
export { createMemoryStorage } from './memory.ts';
export { createTileDirectory, readTileDirectory } from './tile-directory.ts';
