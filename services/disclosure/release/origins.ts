import type { DetailsOf } from '#shared/control';
import type { OriginCounts } from '#shared/disclosure-package';
import { dayOf } from '#shared/store';

/** Records of one source, by day of collection (UTC) from the first of them on. */
export type Origin = NonNullable<DetailsOf<'disclosure.released'>['origins']>[number];

/** Bounds of an entry of the ledger; a package of more sources is announced without its origins. */
const maxSources = 64;
const maxBytes = 32_768;

const dayMs = 86_400_000;

/** In the sources' order; undefined where they are too many for an entry. */
export function originsOf(counts: OriginCounts): Origin[] | undefined {
  if (counts.size > maxSources) return undefined;
  const origins = [...counts]
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
