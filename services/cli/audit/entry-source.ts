import { z } from 'zod';
import { asControlEntry, type EntryFilter, entryMatcher } from '#shared/control';
import {
  checkpointPath,
  decodeBundle,
  decodeEntry,
  type LedgerEntry,
  LedgerError,
  type LedgerReader,
  ledgerEntrySchema,
  tilePath,
} from '#shared/ledger';
import { readTileDirectory } from '#shared/ledger-storage';
import type { ApiClient } from '../api-client.ts';
import { refused } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { statedSize } from './http-reader.ts';
import { auditorOf, folderAt, isUrl } from './place.ts';

export interface FoundEntry {
  readonly index: number;
  readonly entry: LedgerEntry;
}

export interface Page {
  readonly items: readonly FoundEntry[];
  /** Index to go on from; null where all entries were looked at. */
  readonly next: number | null;
  /** Entries there were, that of the reading itself included. */
  readonly size: number;
}

/** Entries of a ledger, to look among. Nothing is verified here: that is `audit verify`. */
export interface EntrySource {
  /** The next matching entries from index `first`, at most `limit`. */
  page(filter: EntryFilter, first: number, limit: number): Promise<Page>;
}

/** Most that a service gives at once. */
const pageItems = 1000;
/** Entries of a full bundle (C2SP tlog-tiles). */
const bundleEntries = 256;

const pageView = z.object({
  items: z.array(z.object({ index: z.int(), entry: ledgerEntrySchema })),
  next: z.int().nullable(),
  size: z.int(),
});

export async function openSource(io: CliIo, place: string, as: string | undefined): Promise<EntrySource> {
  if (!isUrl(place)) return folderSource(readTileDirectory(await folderAt(place)), place);
  return serviceSource((await auditorOf(io, place, as)).auditor);
}

/** All matching entries from `first` on, in their order. */
export async function* entriesFrom(
  source: EntrySource,
  filter: EntryFilter,
  first = 0,
): AsyncGenerator<FoundEntry> {
  let next: number | null = first;
  while (next !== null) {
    const page: Page = await source.page(filter, next, pageItems);
    yield* page.items;
    next = page.next;
  }
}

/** Each page is a signed reading, and leaves an entry in the ledger. */
export function serviceSource(auditor: ApiClient): EntrySource {
  return {
    page: (filter, first, limit) =>
      auditor.post('/v1/ledger/search', { ...filter, first, limit: Math.min(limit, pageItems) }, pageView),
  };
}

function folderSource(reader: LedgerReader, place: string): EntrySource {
  /** Enrolled ones among the entries that were read; an actor is enrolled before it acts. */
  const credentials = new Map<string, { credentialId: string; personId: string }>();
  let seen = 0;

  async function bundle(index: number, size: number): Promise<readonly FoundEntry[]> {
    const start = index * bundleEntries;
    const width = Math.min(bundleEntries, size - start);
    // A log may have dropped the partial bundle for the full one since its checkpoint.
    for (const stored of [width, bundleEntries]) {
      const bytes = await reader.read(tilePath({ level: 'entries', index, width: stored }));
      const leaves = bytes === undefined ? null : decodeBundle(bytes, stored);
      if (leaves === null) continue;
      return leaves
        .slice(0, width)
        .map((leaf, i) => ({ index: start + i, entry: decode(leaf, start + i, place) }));
    }
    throw refused('audit.damaged', `a bundle of the ledger at ${place} is missing or damaged; verify it`);
  }

  return {
    page: async (filter, first, limit) => {
      const size = statedSize(await reader.read(checkpointPath));
      const matches = entryMatcher(filter, credentials);
      const items: FoundEntry[] = [];
      // From the beginning the first time, because of the credentials.
      const from = Math.floor(Math.min(first, seen) / bundleEntries);
      for (let index = from; index * bundleEntries < size; index++) {
        for (const found of await bundle(index, size)) {
          if (found.index >= seen) learn(found, credentials);
          seen = Math.max(seen, found.index + 1);
          if (found.index < first || !matches(found.entry)) continue;
          if (items.length === limit) return { items, next: found.index, size };
          items.push(found);
        }
      }
      return { items, next: null, size };
    },
  };
}

function learn(
  { index, entry }: FoundEntry,
  into: Map<string, { credentialId: string; personId: string }>,
): void {
  if (entry.kind !== 'credential.enrolled' && entry.kind !== 'credential.rotated') return;
  const { kind, details } = asControlEntry(index, entry);
  if (kind === 'credential.enrolled' || kind === 'credential.rotated') into.set(details.thumbprint, details);
}

function decode(leaf: Uint8Array, index: number, place: string): LedgerEntry {
  try {
    return decodeEntry(leaf);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    throw refused('audit.damaged', `entry ${index} of the ledger at ${place} cannot be read; verify it`);
  }
}
