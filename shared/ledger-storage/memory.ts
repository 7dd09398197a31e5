import { checkpointPath, isLedgerPath, LedgerError, type LedgerStorage } from '#shared/ledger';

/** A ledger that lives as long as this value; for tests, and for showing how little a storage must do. */
export function createMemoryStorage(): LedgerStorage {
  const files = new Map<string, Uint8Array>();
  let committed: Uint8Array | undefined;
  let holder: symbol | undefined;
  return {
    read: async (path) => {
      if (!isLedgerPath(path)) {
        throw new LedgerError('ledger.bad_path', 'This is no path of a ledger.');
      }
      return files.get(path);
    },
    lock: async () => {
      if (holder !== undefined) throw new LedgerError('ledger.locked', 'This ledger is open already.');
      const own = Symbol('holder');
      holder = own;
      return {
        isHeld: async () => holder === own,
        release: async () => {
          if (holder === own) holder = undefined;
        },
      };
    },
    stage: async (staged) => {
      for (const { path, bytes } of staged) files.set(path, Uint8Array.from(bytes));
    },
    readCommitted: async () => committed,
    swapCommitted: async (expected, next) => {
      if (Buffer.compare(committed ?? new Uint8Array(), expected ?? new Uint8Array()) !== 0) return false;
      committed = Uint8Array.from(next);
      return true;
    },
    publish: async (checkpoint) => {
      files.set(checkpointPath, Uint8Array.from(checkpoint));
    },
    partialWidths: async (fullTilePath) => {
      const prefix = `${fullTilePath}.p/`;
      return [...files.keys()]
        .filter((path) => path.startsWith(prefix))
        .map((path) => Number(path.slice(prefix.length)));
    },
    remove: async (paths) => {
      for (const path of paths) files.delete(path);
    },
  };
}
