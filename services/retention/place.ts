import type { CheckedPlace } from '#shared/control';
import type { Overdue } from './status.ts';

/** Something that was found past its time. */
export interface Left {
  readonly items: number;
  /** Day of the oldest. */
  readonly oldest?: string;
}

export type Look =
  | { readonly ok: true; readonly left: Left | null }
  /** It could not be looked at: the fault's code. */
  | { readonly ok: false; readonly reason: string };

/**
 * A place beside the tables where data lie or might come to lie. What expires there goes by rules of its own
 * (a topic's setting, a folder's tidying); here it is looked at, so that a certificate can name it.
 */
export interface Place {
  /** Lower-case letters and underscores; stands in the ledger. */
  readonly name: string;
  /** @param now milliseconds since the epoch */
  look(now: number): Promise<Look>;
}

/** The place as its name and a function that counts, whose errors are told by their code. */
export function place(name: string, count: (now: number) => Promise<Left | null>): Place {
  return {
    name,
    look: async (now) => {
      try {
        return { ok: true, left: await count(now) };
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : '';
        return { ok: false, reason: /^[A-Za-z][A-Za-z0-9_.]{0,63}$/.test(code) ? code : 'service.internal' };
      }
    },
  };
}

/** Looks at places one after the other: as a certificate names them, and what is past its time in them. */
export async function lookAround(
  places: readonly Place[],
  now: number,
): Promise<{ readonly checked: readonly CheckedPlace[]; readonly overdue: readonly Overdue[] }> {
  const checked: CheckedPlace[] = [];
  const overdue: Overdue[] = [];
  for (const { name, look } of places) {
    const found = await look(now);
    if (!found.ok) checked.push({ place: name, outcome: 'not_checked', reason: found.reason });
    else if (found.left === null) checked.push({ place: name, outcome: 'gone' });
    else overdue.push({ place: name, ...found.left });
  }
  return { checked, overdue };
}
