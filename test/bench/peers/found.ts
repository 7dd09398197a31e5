/*
 * What is measured of each way to keep the same events: how long an address takes to be found, how much room
 * all takes, how long it took to get there.
 */

/** Addresses to look for, each once: what was asked before would be answered from a cache. */
export interface Wanted {
  /** Of one to five events; looked for with empty caches. */
  readonly rare: readonly string[];
  /** Those of the most events; looked for with empty caches. */
  readonly frequent: readonly string[];
  /** As rare ones, after all of these, with the caches of a system that is at work. */
  readonly running: readonly string[];
}

export type Kind = keyof Wanted;
export const kinds = ['rare', 'frequent', 'running'] as const satisfies readonly Kind[];

/** One lookup. */
export interface Found {
  readonly ms: number;
  /** Events, or lines of a log. */
  readonly count: number;
}

export type Lookups = Readonly<Record<Kind, readonly Found[]>>;

export interface Kept {
  readonly bytes: number;
  readonly loadSeconds: number;
}

/** Looks for each address in turn. */
export async function lookUpAll(
  wanted: Wanted,
  lookUp: (address: string, cold: boolean) => Found | Promise<Found>,
): Promise<Lookups> {
  const found: Record<Kind, Found[]> = { rare: [], frequent: [], running: [] };
  for (const kind of kinds) {
    for (const address of wanted[kind]) found[kind].push(await lookUp(address, kind !== 'running'));
  }
  return found;
}
