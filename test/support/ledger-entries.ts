import { v7 as uuidv7 } from 'uuid';
import type { LedgerEntry } from '#shared/ledger';

/** A valid entry; `n` tells it from others. */
export function entryOf(n: number): LedgerEntry {
  return {
    v: 1,
    kind: 'access.refused',
    id: uuidv7(),
    at: '2026-11-22T18:14:11.000Z',
    actor: { service: 'disclosure' },
    details: { n },
  };
}

/** `count` valid entries, numbered from `start`. */
export function entriesOf(count: number, start = 0): LedgerEntry[] {
  return Array.from({ length: count }, (_, i) => entryOf(start + i));
}
