import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { EntryKind } from '#shared/control';
import { ledgerEntrySchema } from '#shared/ledger';
import { unusable } from '../errors.ts';
import { fileError } from '../files.ts';
import type { CliIo } from '../io.ts';
import { entriesFrom, type FoundEntry, openSource } from './entry-source.ts';

const exportedLine = z.object({ index: z.int(), entry: ledgerEntrySchema });

/** Entries of some kinds from a service, a copy of its ledger folder, or an export of it as NDJSON. */
export async function* entriesAt(
  io: CliIo,
  place: string,
  { as, kinds }: { readonly as: string | undefined; readonly kinds: readonly EntryKind[] },
): AsyncGenerator<FoundEntry> {
  if (!place.endsWith('.ndjson')) {
    yield* entriesFrom(await openSource(io, place, as), { kinds: [...kinds] });
    return;
  }
  for await (const found of exportedEntries(place)) {
    if (kinds.some((kind) => kind === found.entry.kind)) yield found;
  }
}

/** Lines of `griffie audit export --format ndjson`. */
async function* exportedEntries(path: string): AsyncGenerator<FoundEntry> {
  const file = createReadStream(path);
  try {
    for await (const line of createInterface({ input: file, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line === '') continue;
      const found = readLine(line);
      if (found === null) throw unusable('file.damaged', `${path} is no export of a ledger as NDJSON`);
      yield found;
    }
  } catch (error) {
    throw fileError(path, error);
  }
}

function readLine(line: string): FoundEntry | null {
  try {
    return exportedLine.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
