import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { entryFilterSchema, entryMatcher } from '#shared/control';
import { encodeBundle, type Ledger, type LedgerEntry } from '#shared/ledger';
import { Mutex } from '#shared/runtime';
import type { ServiceContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { act, routeName } from '../http/act.ts';
import { mediaTypes } from '../limits.ts';
import { binary, problemResponses } from './schemas.ts';

/** Bounds of one reading. Each is one entry of the ledger, so that they are wide. */
const bounds = {
  entriesPerStream: 65_536,
  itemsPerPage: 1_000,
  /** Of the entries on a page, as they stand in the ledger. */
  bytesPerPage: 8 * 1024 * 1024,
  /** Entries that one search looks at; about two seconds. */
  entriesPerSearch: 262_144,
} as const;

const indexParam = z.string().regex(/^(0|[1-9][0-9]{0,14})$/, 'is no index of an entry');
const rangeParams = z.strictObject({ first: indexParam, end: indexParam });

const searchBody = entryFilterSchema.extend({
  /** Index of the first entry to look at. */
  first: z.int().min(0).default(0),
  limit: z.int().min(1).max(bounds.itemsPerPage).default(100),
});
type Search = z.infer<typeof searchBody>;

const foundEntry = z
  .object({
    index: z.int(),
    entry: z.record(z.string(), z.unknown()).meta({ description: 'The entry as it stands in the ledger' }),
  })
  .meta({ id: 'FoundEntry' });
const searchView = z
  .object({
    items: z.array(foundEntry).max(bounds.itemsPerPage),
    /** Where to go on; null where all entries were looked at. */
    next: z.int().nullable(),
    /** Entries there were, this reading's own included. */
    size: z.int(),
  })
  .meta({ id: 'FoundEntries' });
type SearchView = z.infer<typeof searchView>;

/** Auditors read entries in bulk, and search among them. Each call is one reading on record. */
export function ledgerEntryRoutes(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const { ledger, control } = context;
  // One search at a time: each keeps a core busy, and nobody else should wait for long.
  const searching = new Mutex();

  app.get(
    '/v1/ledger/entries/:first/:end',
    {
      config: { access: ['auditor'] },
      schema: {
        summary: 'Entries from index `first` up to and without `end`, each behind its length as a uint16',
        tags: ['ledger'],
        params: rangeParams,
        response: { 200: binary(mediaTypes.octets), ...problemResponses },
      },
    },
    async (request, reply) => {
      const [first, end] = [Number(request.params.first), Number(request.params.end)];
      await recordAuditing(context, request, () => rangeProblem(first, end, ledger));
      const bundles = async function* () {
        for await (const leaves of ledger.leaves(first, end)) yield encodeBundle(leaves);
      };
      return reply.type(mediaTypes.octets).send(Readable.from(bundles(), { objectMode: false }));
    },
  );

  app.post(
    '/v1/ledger/search',
    {
      config: { access: ['auditor'] },
      schema: {
        summary: 'Search entries, oldest first',
        tags: ['ledger'],
        body: searchBody,
        response: { 200: searchView, ...problemResponses },
      },
    },
    async (request) => {
      const own = await recordAuditing(context, request, () => null);
      // After the step, not in it: nobody else could act meanwhile.
      return searching.run(() => search(ledger, request.body, own + 1, control.state.credentials));
    },
  );
}

/** @returns the index of the reading's own entry */
async function recordAuditing(
  context: ServiceContext,
  request: FastifyRequest,
  problemOf: () => ApiError | null,
): Promise<number> {
  const { indexes } = await act(context, request, () => {
    const error = problemOf();
    if (error) return { ok: false, error };
    return {
      ok: true,
      entries: [{ kind: 'access.granted', details: { route: routeName(request) } }],
      result: undefined,
    };
  });
  return indexes[0] ?? 0;
}

function rangeProblem(first: number, end: number, ledger: Ledger): ApiError | null {
  const refuse = (sentence: string): ApiError =>
    new ApiError('request.invalid', { problems: [{ path: 'end', sentence }] });
  if (end <= first) return refuse('must be greater than first');
  if (end - first > bounds.entriesPerStream) return refuse(`is at most first + ${bounds.entriesPerStream}`);
  return end > ledger.checkpoint().size ? refuse('is at most the size of the checkpoint') : null;
}

async function search(
  ledger: Ledger,
  { first, limit, ...filter }: Search,
  size: number,
  credentials: Parameters<typeof entryMatcher>[1],
): Promise<SearchView> {
  const matches = entryMatcher(filter, credentials);
  const items: SearchView['items'] = [];
  const end = Math.min(first + bounds.entriesPerSearch, size);
  let bytes = 0;
  let index = first;
  if (first < end) {
    for await (const leaves of ledger.leaves(first, end)) {
      for (const leaf of leaves) {
        // Checked against the signed head as it was read, and written by `encodeEntry` alone.
        const entry: LedgerEntry = JSON.parse(Buffer.from(leaf).toString('utf8'));
        if (matches(entry)) {
          if (items.length === limit || bytes + leaf.length > bounds.bytesPerPage)
            return { items, next: index, size };
          items.push({ index, entry });
          bytes += leaf.length;
        }
        index++;
      }
    }
  }
  return { items, next: index < size ? index : null, size };
}
