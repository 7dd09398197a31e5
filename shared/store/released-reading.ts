import { setImmediate as eventLoop } from 'node:timers/promises';
import { z } from 'zod';
import type { Scope } from '#shared/orders';
import type { ReleasedLines } from '#shared/traffic';
import type { Database, StoreQuery } from './database.ts';
import { freeMemory } from './free-memory.ts';
import type { ByIndex, HeldSource } from './query.ts';
import { ReleaseGate } from './release-gate.ts';
import { linesPerPiece, presentQuery, releasedQuery, spreadQuery } from './released-rows.ts';
import type { RetentionPeriod } from './retention.ts';
import { EventFilter, withoutRepeats } from './seen-events.ts';
import { type Slice, type SliceBounds, type Spread, slicesOf } from './slices.ts';

/**
 * Records of a scope as they are released, in pieces of about a thousand, each of which holds until the next is
 * asked for. Can be read once.
 * `query` is run in slices of the window one after another: each with `from` and `to` of its slice, and
 * without the index's minutes where that finds the same at less cost.
 */
export interface ReleasedReading extends AsyncIterable<ReleasedLines> {
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

interface Piece {
  readonly slice: Scope;
  readonly gate: ReleaseGate;
  readonly lines: Uint8Array;
  /** Null where one slice is all there is. */
  readonly filter: EventFilter | null;
}

/** A slice whose query is at work. */
interface BegunSlice {
  readonly slice: Scope;
  readonly gate: ReleaseGate;
  readonly pieces: Ahead<Uint8Array>;
}

export function releasedReading(reading: Reading): ReleasedReading {
  const { all, scope, now, retention, holds } = reading;
  return {
    query: releasedQuery(scope, now, retention, 'by index', holds),
    async *[Symbol.asyncIterator]() {
      for await (const { slice, gate, lines, filter } of new Ahead(piecesOf(reading))) {
        const passed = gate.pass(lines);
        yield filter === null
          ? passed
          : await withoutRepeats(passed, filter, async (ids) => {
              const earlier = { ...scope, to: slice.from };
              const found = await all(presentQuery(earlier, ids, now, retention, holds), present);
              return new Set(found.map(({ eventId }) => eventId));
            });
        freeMemory(lines);
        await eventLoop();
      }
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
}: Reading): AsyncGenerator<Piece> {
  const slices = await slicesOf(
    scope,
    (window, width) => all(spreadQuery({ ...scope, ...window }, width, now, retention, holds), spread),
    bounds,
  );
  const expected = slices.reduce((sum, { rows }) => sum + rows, 0);
  const filter = slices.length > 1 ? new EventFilter(expected) : null;
  const begin = ({ from, to, rows }: Slice): BegunSlice => {
    const slice = { ...scope, from, to };
    const way = slices.length > 1 ? wayOf(slice, rows) : 'by index';
    const query = releasedQuery(slice, now, retention, way, holds);
    return { slice, gate: new ReleaseGate(slice), pieces: new Ahead(database.lines(query)) };
  };
  let next: BegunSlice | null = null;
  try {
    for (const [index, bounds] of slices.entries()) {
      const { slice, gate, pieces } = next ?? begin(bounds);
      next = null;
      const after = slices[index + 1];
      let left = bounds.rows;
      for await (const lines of pieces) {
        left -= linesPerPiece;
        if (after !== undefined && left < bounds.rows / 2) next ??= begin(after);
        yield { slice, gate, lines, filter };
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
