import { type ControlState, listStanding } from '#shared/control';
import { utc } from '#shared/runtime';

/** How the revocation lists stand. */
export interface ListFigures {
  /** Seconds until each list in use has run out, by its authority; below zero once it has. */
  readonly secondsLeft: ReadonlyMap<string, number>;
  /** Lists in use that run out within the time that the operator set. */
  readonly runsOut: number;
  readonly stale: number;
  /** Authorities that must have a list, and have none. */
  readonly missing: number;
  /** Why lists that lie there are not in use. */
  readonly refused: readonly string[];
}

const hourMs = 3_600_000;

/** @param now `at`: milliseconds since the epoch */
export function listFigures(
  state: Readonly<ControlState>,
  now: { readonly at: number; readonly warnHours: number; readonly refused: readonly string[] },
): ListFigures {
  const { at, warnHours, refused } = now;
  const { revocationLists, configuration } = state;
  if (configuration?.revocation === undefined)
    return { secondsLeft: new Map(), runsOut: 0, stale: 0, missing: 0, refused };
  const left = [...revocationLists].map(
    ([authority, { nextUpdate }]) => [authority, Date.parse(nextUpdate) - at] as const,
  );
  return {
    secondsLeft: new Map(left.map(([authority, ms]) => [authority, Math.floor(ms / 1000)])),
    runsOut: left.filter(([, ms]) => ms >= 0 && ms < warnHours * hourMs).length,
    stale: left.filter(([, ms]) => ms < 0).length,
    missing: authoritiesWithoutList(state, utc(at)).length,
    refused,
  };
}

/** Authorities that must have a list and have had none, of credentials that were not ended and as configured. */
export function authoritiesWithoutList(state: Readonly<ControlState>, at: string): readonly string[] {
  const { configuration, credentials, revocationLists } = state;
  const required = configuration?.revocation?.required ?? [];
  const known = new Set(required === 'all' ? [] : required);
  for (const { certificate, revokedAt } of credentials.values()) {
    if (revokedAt === undefined) for (const { issuer } of certificate?.links ?? []) known.add(issuer);
  }
  return [...known].filter(
    (authority) => !revocationLists.has(authority) && listStanding(state, authority, at) === 'missing',
  );
}
