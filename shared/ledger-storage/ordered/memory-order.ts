import type { LedgerOrder, OrderedRecord } from '#shared/ledger';

/** An order that lives as long as this value; for tests, and for showing how little an order must do. */
export function createMemoryOrder(): LedgerOrder {
  const records: Uint8Array[] = [];
  const wakers = new Set<() => void>();
  return {
    bounds: async () => ({ first: 0, end: records.length }),
    send: async (sent) => {
      records.push(...sent.map((bytes) => Uint8Array.from(bytes)));
      for (const wake of [...wakers]) wake();
    },
    follow: (from, take) => {
      let next = from;
      let closed = false;
      let wake = (): void => {};
      const ended = (async (): Promise<Error> => {
        while (!closed) {
          const found = records
            .slice(next)
            .map((bytes, i): OrderedRecord => ({ place: next + i, bytes: Uint8Array.from(bytes) }));
          try {
            if (found.length > 0) await take(found);
          } catch (error) {
            return error instanceof Error ? error : new Error('what was read was not taken');
          }
          next += found.length;
          if (records.length > next || closed) continue;
          await new Promise<void>((resolve) => {
            wake = resolve;
            wakers.add(wake);
          });
          wakers.delete(wake);
        }
        return new Promise(() => {});
      })();
      return {
        ready: Promise.resolve(),
        ended,
        close: async () => {
          closed = true;
          wake();
        },
      };
    },
    close: async () => {},
  };
}
