/*
 * What is measured of each way to keep the same events: how long an address takes to be found, how much room
 * all takes, how long it took to get there.
 */

/** Addresses to look for, each once: what was asked before would be answered from a cache. */
export interface Wanted {
  /** Of one to five events. */
  readonly rare: readonly string[];
  /** Those of the most events. */
  readonly frequent: readonly string[];
}

export type Kind = keyof Wanted;
export const kinds = ['rare', 'frequent'] as const satisfies readonly Kind[];

/** One lookup. */
export interface Found {
  readonly ms: number;
  /** Events, or lines of a log. */
  readonly count: number;
}

export interface Lookups {
  readonly rare: readonly Found[];
  readonly frequent: readonly Found[];
}

export interface Kept {
  readonly bytes: number;
  readonly loadSeconds: number;
}

/** Looks for each address in turn. */
export async function lookUpAll(
  wanted: Wanted,
  lookUp: (address: string) => Found | Promise<Found>,
): Promise<Lookups> {
  const found: Record<Kind, Found[]> = { rare: [], frequent: [] };
  for (const kind of kinds) for (const address of wanted[kind]) found[kind].push(await lookUp(address));
  return found;
}
