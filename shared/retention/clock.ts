/*
 * Whether the wall clock may be believed for deleting. What is deleted by a wrong clock is gone; what is
 * deleted late can be deleted still, and nobody can read it in the meantime. So where clocks disagree,
 * nothing is deleted, and a person is told.
 */

/** Milliseconds. */
export const clockBounds = {
  /** How far two clocks may be apart that are set by the same time service. */
  agreement: 5 * 60_000,
  /** Collectors' clocks may be ahead of ours by this; the ingester takes no more (`maxClockSkewMs`). */
  collectorSkew: 3_600_000 + 60_000,
  /** Longest silence of the ledger after which the clock is still believed: a certificate comes each day. */
  silence: 26 * 3_600_000,
} as const;

/** Everything that tells the time. Milliseconds since the epoch unless it says otherwise. */
export interface ClockReading {
  readonly wall: number;
  /** Milliseconds since any moment, by a clock that nobody sets. */
  readonly monotonic: number;
  /** Clock of the service that has the ledger. */
  readonly ledgerService: number;
  /** Time of the ledger's latest entry. */
  readonly latestEntry: number;
  /** Latest time that the ledger bears out. */
  readonly believed: number;
  /** Entries of the ledger. */
  readonly size: number;
  /** Entries up to and with the last that a person signed for. */
  readonly signedSize: number;
  /** Clock of the engine. */
  readonly engine: number;
  /** When the newest row was collected; null where there is none. */
  readonly newestRow: number | null;
}

export type ClockTrouble =
  | 'clock.behind_ledger'
  | 'clock.behind_rows'
  | 'clock.jumped'
  | 'clock.services_differ'
  | 'clock.unconfirmed';

export type ClockVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: ClockTrouble; readonly sentence: string };

const utc = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
const wait = 'Nothing is deleted until then';
const trouble = (code: ClockTrouble, sentence: string): ClockVerdict => ({ ok: false, code, sentence });
const differ = (a: number, b: number): boolean => Math.abs(a - b) > clockBounds.agreement;

/**
 * Judges the wall clock by all others. Believed once, it is held to what passed since by a clock that nobody
 * sets. After a jump it is believed again when it is back, or when a person signed a request under it: the
 * proof of a request is refused where the clocks of signer and service are a minute apart.
 */
export class ClockGuard {
  /** The clocks when the wall clock was last believed. */
  #anchor: { readonly wall: number; readonly monotonic: number } | null = null;
  /** Entries of the ledger when a jump was found. */
  #jumpedAtSize: number | null = null;

  judge(reading: ClockReading): ClockVerdict {
    const verdict = this.#jump(reading) ?? judgeAlone(reading);
    if (verdict.ok) this.#anchor = { wall: reading.wall, monotonic: reading.monotonic };
    return verdict;
  }

  #jump({ wall, monotonic, size, signedSize }: ClockReading): ClockVerdict | null {
    if (this.#anchor === null) return null;
    const expected = this.#anchor.wall + (monotonic - this.#anchor.monotonic);
    if (!differ(wall, expected)) {
      this.#jumpedAtSize = null;
      return null;
    }
    this.#jumpedAtSize ??= size;
    if (signedSize > this.#jumpedAtSize) {
      this.#jumpedAtSize = null;
      return null;
    }
    return trouble(
      'clock.jumped',
      `The clock says ${utc(wall)}, and by the time that passed since it was last right it is ${utc(expected)}. Set it right; if it is right now, any signed request confirms it. ${wait}`,
    );
  }
}

function judgeAlone(reading: ClockReading): ClockVerdict {
  const { wall, ledgerService, latestEntry, believed, engine, newestRow } = reading;
  for (const [name, other] of [
    ['the service with the ledger', ledgerService],
    ['the store', engine],
  ] as const) {
    if (!differ(wall, other)) continue;
    return trouble(
      'clock.services_differ',
      `The clock says ${utc(wall)}, and that of ${name} ${utc(other)}. Set both by one time service. ${wait}`,
    );
  }
  if (wall < latestEntry - clockBounds.agreement) {
    return trouble(
      'clock.behind_ledger',
      `The clock says ${utc(wall)}, and the ledger has an entry of ${utc(latestEntry)}: the clock was set back, or was ahead then. Set it right. ${wait}`,
    );
  }
  if (newestRow !== null && wall < newestRow - clockBounds.collectorSkew) {
    return trouble(
      'clock.behind_rows',
      `The clock says ${utc(wall)}, and the store has rows collected at ${utc(newestRow)}: the clock was set back, or a collector’s is ahead. Set it right. ${wait}`,
    );
  }
  if (wall > believed + clockBounds.silence) {
    return trouble(
      'clock.unconfirmed',
      `The clock says ${utc(wall)}, and the ledger bears out no later time than ${utc(believed)}. If the clock is right, any signed request confirms it, such as griffie retention status of an auditor. ${wait}`,
    );
  }
  return { ok: true };
}
