import type { DetailsOf, EntryKind } from './details.ts';
import { entryDetails } from './details.ts';
import type { Role } from './roles.ts';

/** Who acted: a credential by its key's thumbprint, or a service by its name. */
export type Actor = { readonly credential: string; readonly role: Role } | { readonly service: string };

/** An entry of the control plane before the ledger gives it its id. Details belong to the kind. */
export interface ControlEntry<K extends EntryKind = EntryKind> {
  readonly kind: K;
  readonly at: string;
  readonly actor: Actor;
  /** Id of the order, disclosure or credential that it is about. */
  readonly subject?: string;
  /** The signed request that caused it. */
  readonly evidence?: string;
  readonly commitments?: Readonly<Record<string, string>>;
  readonly details: DetailsOf<K>;
}

/** Any control entry, discriminated by `kind`. */
export type AnyControlEntry = { [K in EntryKind]: ControlEntry<K> }[EntryKind];

export class ControlError extends Error {
  readonly code = 'control.impossible_entry';
  constructor(index: number, why: string) {
    super(`ledger entry ${index} cannot follow from the entries before it: ${why}`);
    this.name = 'ControlError';
  }
}

/** What the reducer reads of a ledger entry; `shared/ledger` has checked the envelope. */
export interface LedgerEnvelope {
  readonly kind: string;
  readonly at: string;
  readonly actor: unknown;
  readonly subject?: string | undefined;
  readonly evidence?: string | undefined;
  readonly commitments?: Readonly<Record<string, string>> | undefined;
  readonly details: unknown;
}

/**
 * Checks an entry's details by its kind.
 * @throws ControlError for an unknown kind or details that do not belong to it: a ledger that this version
 * cannot read must not be guessed at.
 */
export function asControlEntry(index: number, entry: LedgerEnvelope): AnyControlEntry {
  if (!Object.hasOwn(entryDetails, entry.kind)) throw new ControlError(index, 'its kind is unknown');
  const kind = entry.kind as EntryKind;
  const details = entryDetails[kind].safeParse(entry.details);
  if (!details.success) throw new ControlError(index, `its details are not those of ${kind}`);
  return { ...entry, kind, details: details.data } as AnyControlEntry;
}
