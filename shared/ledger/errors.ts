/** What can be wrong, as stable codes; callers decide by code, never by message. */
export type LedgerErrorCode =
  /** Storage could not take the entries. None of them is in the tree; try again once it can. */
  | 'ledger.unavailable'
  /** Storage failed while the new head was committed and could not be asked since: found or not found later. */
  | 'ledger.in_doubt'
  /** Another live process writes this ledger. */
  | 'ledger.locked'
  /** Somebody took this process's lock away or moved the head: it has stopped writing for good. */
  | 'ledger.lock_lost'
  /** Stored files contradict the signed head; nothing is written until a person has looked. */
  | 'ledger.corrupt'
  /** The stored head was signed by another key or for another origin. */
  | 'ledger.wrong_key'
  /** Entries of others came in between: nothing was appended; decide again on what is there now. */
  | 'ledger.overtaken'
  /** What gives the order of entries is not what this tree was built from: shortened, rewritten, or another's. */
  | 'ledger.order_differs'
  /** An entry that the schema refuses, or that is too large. */
  | 'ledger.entry_invalid'
  /** An append of no entry, or of more than one commit takes. */
  | 'ledger.batch_size'
  /** Too many entries wait for the disk. */
  | 'ledger.overloaded'
  /** An index or size outside the tree. */
  | 'ledger.out_of_range'
  /** A path that is none of a ledger's. */
  | 'ledger.bad_path'
  /** Key material that is no Ed25519 key, or a key name that the note format forbids. */
  | 'ledger.bad_key'
  | 'ledger.closed';

/** A fault of the ledger. The message holds no entry, no key and no personal data. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  readonly code: LedgerErrorCode;

  constructor(code: LedgerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
