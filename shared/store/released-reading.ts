import { z } from 'zod';
import type { Scope } from '#shared/orders';
import type { LineSource, StoredLines } from '#shared/traffic';
import type { Database, StoreQuery } from './database.ts';
import type { ByIndex, HeldSource } from './query.ts';
import { linesPerPiece, presentQuery, releasedQuery, spreadQuery } from './released-rows.ts';
import type { RetentionPeriod } from './retention.ts';
import { type Slice, type SliceBounds, type Spread, slicesOf } from './slices.ts';

/**
 * Records of a scope as lines to be released, in pieces of about a thousand. Can be read once. Nothing is read
 * far ahead of who takes them.
 * `query` is run in slices of the window one after another: each with `from` and `to` of its slice, and
 * without the index's minutes where that finds the same at less cost.
 */
export interface ReleasedReading extends LineSource {
  readonly query: StoreQuery;
}

interface Reading {
  readonly database: Database;
  /** All rows of a query, checked. */
  readonly all: <T>(query: StoreQuery, schema: z.ZodType<T>) => Promise<T[]>;
  readonly scope: Scope;
  readonly now: number;
  readonly retention: RetentionPeriod;
  readonly slices: SliceBounds | undefined;
  readonly holds: readonly HeldSource[];
}

const count = z.coerce.number().int().nonnegative();
const spread: z.ZodType<Spread> = z.object({ slot: count, rows: count });
const present = z.object({ eventId: z.string() });

/** A slice whose query is at work. */
interface BegunSlice {
  readonly slice: StoredLines['slice'];
  readonly pieces: Ahead<Uint8Array>;
}

export function releasedReading(reading: Reading): ReleasedReading {
  const { all, scope, now, retention, holds } = reading;
  return {
    query: releasedQuery(scope, now, retention, 'by index', holds),
    async *[Symbol.asyncIterator]() {
      yield* new Ahead(piecesOf(reading));
    },
    async eventsBefore(time, ids) {
      const earlier = { ...scope, to: time };
      const found = await all(presentQuery(earlier, ids, now, retention, holds), present);
      return new Set(found.map(({ eventId }) => eventId));
    },
  };
}

async function* piecesOf({
  database,
  all,
  scope,
  now,
  retention,
  slices: bounds,
  holds,
}: Reading): AsyncGenerator<StoredLines> {
  const slices = await slicesOf(
    scope,
    (window, width) => all(spreadQuery({ ...scope, ...window }, width, now, retention, holds), spread),
    bounds,
  );
  const expected = slices.reduce((sum, { rows }) => sum + rows, 0);
  const begin = ({ from, to, rows }: Slice): BegunSlice => {
    const window = { ...scope, from, to };
    const way = slices.length > 1 ? wayOf(window, rows) : 'by index';
    const query = releasedQuery(window, now, retention, way, holds);
    return { slice: { from, to, expected }, pieces: new Ahead(database.lines(query)) };
  };
  let next: BegunSlice | null = null;
  try {
    for (const [index, bounds] of slices.entries()) {
      const { slice, pieces } = next ?? begin(bounds);
      next = null;
      const after = slices[index + 1];
      let left = bounds.rows;
      for await (const bytes of pieces) {
        left -= linesPerPiece;
        if (after !== undefined && left < bounds.rows / 2) next ??= begin(after);
        yield { bytes, slice };
      }
    }
  } finally {
    await next?.pieces.close();
  }
}

/**
 * The index is asked in every day that is held, which costs some milliseconds a slice, and leaves out little
 * of a slice that has a row in most of its minutes.
 */
function wayOf({ from, to }: Scope, rows: number): ByIndex {
  const minutes = (Date.parse(to) - Date.parse(from)) / 60_000;
  return rows < minutes ? 'by index' : 'all minutes';
}

/** Items, each asked for while the one before it is dealt with, the first at once. To be read or closed. */
export class Ahead<T> {
  readonly #iterator: AsyncIterator<T>;
  #next: Promise<IteratorResult<T>>;

  constructor(items: AsyncIterable<T>) {
    this.#iterator = items[Symbol.asyncIterator]();
    this.#next = this.#ask();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      for (;;) {
        const { done, value } = await this.#next;
        if (done === true) return;
        this.#next = this.#ask();
        yield value;
      }
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }

  #ask(): Promise<IteratorResult<T>> {
    const next = this.#iterator.next();
    // Whoever leaves before it is awaited does not want its fault either.
    next.catch(() => {});
    return next;
  }
}
