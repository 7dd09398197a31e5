/** Why a part of an entry's decision cannot be made again from the ledger alone. */
export type Unknowable =
  /** It hangs on what an order or a request says, which is in a case file. */
  | 'case_file'
  /** It hangs on what a revocation list says, which is kept beside the ledger. */
  | 'revocation_list'
  /** A refusal whose request is not kept, because its URL or body might have named somebody. */
  | 'no_request'
  /** A refusal for what is outside the ledger: the form of a body, a file, the store. */
  | 'outside'
  /** A reason or a route that this version does not know. */
  | 'unknown_rule';

export type Rederived =
  | { readonly outcome: 'follows' }
  | { readonly outcome: 'unknowable'; readonly why: Unknowable }
  /** Ends the sentence "Entry 7 …". Names codes, never a value. */
  | { readonly outcome: 'contradicts'; readonly fault: string };

export const follows: Rederived = { outcome: 'follows' };
export const unknowable = (why: Unknowable): Rederived => ({ outcome: 'unknowable', why });
export const contradicts = (fault: string): Rederived => ({ outcome: 'contradicts', fault });
