/** Why an ingester ended for good. Stable names. */
export type IngesterErrorCode =
  /** The share of records that are no events is over the ceiling: an upgrade or a producer went wrong. */
  | 'ingester.too_many_rejects'
  /** The store refused an insert in a way that trying again does not mend: tables, grants, credentials. */
  | 'ingester.store_refused'
  /** A fault of our own. */
  | 'ingester.fault';

export interface IngesterErrorOptions {
  readonly reason?: string | undefined;
  /** Never logged: a fault's message may quote a record. */
  readonly cause?: unknown;
}

/** A fault that a person must look at. What was not acknowledged is delivered again after a restart. */
export class IngesterError extends Error {
  override readonly name = 'IngesterError';
  readonly code: IngesterErrorCode;
  /** The engine's code, or another stable name of what exactly was wrong. */
  readonly reason: string | undefined;

  constructor(code: IngesterErrorCode, message: string, { reason, cause }: IngesterErrorOptions = {}) {
    super(
      reason === undefined ? message : `${message} (${reason})`,
      cause === undefined ? undefined : { cause },
    );
    this.code = code;
    this.reason = reason;
  }
}
