import type { DetailsOf } from '#shared/control';
import { dayOf } from '#shared/store';
import type { RecordOrigin, ReleasedLines } from '#shared/traffic';

/** Records of one source, by day of collection (UTC) from the first of them on. */
export type Origin = NonNullable<DetailsOf<'disclosure.released'>['origins']>[number];

/** Bounds of an entry of the ledger; a package of more sources is announced without its origins. */
const maxSources = 64;
const maxBytes = 32_768;

const dayMs = 86_400_000;

/** Counts records by where they came from while they pass: what every released record says itself. */
export class OriginCounts {
  readonly #counts = new Map<string, Map<string, number>>();

  async *watch(records: AsyncIterable<ReleasedLines>): AsyncGenerator<ReleasedLines> {
    for await (const lines of records) {
      for (const origin of lines.origins) this.#take(origin);
      yield lines;
    }
  }

  /** In the sources' order; undefined where they are too many for an entry. */
  origins(): Origin[] | undefined {
    if (this.#counts.size > maxSources) return undefined;
    const origins = [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([source, days]): Origin => {
        const [from = '', ...others] = [...days.keys()].sort();
        const last = others.at(-1) ?? from;
        const length = (Date.parse(last) - Date.parse(from)) / dayMs + 1;
        const dayAt = (index: number): string => dayOf(Date.parse(from) + index * dayMs);
        return {
          source,
          from,
          records: Array.from({ length }, (_, index) => days.get(dayAt(index)) ?? 0),
        };
      });
    return JSON.stringify(origins).length > maxBytes ? undefined : origins;
  }

  #take({ sourceId, day }: RecordOrigin): void {
    const days = this.#counts.get(sourceId) ?? new Map<string, number>();
    this.#counts.set(sourceId, days.set(day, (days.get(day) ?? 0) + 1));
  }
}
