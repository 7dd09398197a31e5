/** What a rule decides: allowed, with what follows from it, or refused with a code of the error table. */
export type Decision<T, Code extends string> =
  | ({ readonly ok: true } & T)
  | { readonly ok: false; readonly code: Code };
