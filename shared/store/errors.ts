/** What went wrong with the store. Stable names: callers and tests tell errors apart by them. */
export type StoreErrorCode =
  /** The store is away, overloaded or out of room for now: the same call may work later. */
  | 'store.unavailable'
  /** It refused what it was asked: the same call fails again. */
  | 'store.refused'
  /** A read went over its limits of time or memory: the same call fails again, a narrower one may not. */
  | 'store.limit_exceeded'
  /** A stored row is no valid event: written by something else, or damaged. */
  | 'store.row_invalid'
  /** The embedded engine is not installed. */
  | 'store.engine_missing'
  /** The data folder cannot be opened; most often another process has it open. */
  | 'store.folder_in_use'
  /** Files of the encrypted disk need a key that is not in its key store. */
  | 'store.key_missing'
  /** The key store of the encrypted disk cannot be used as it is. */
  | 'store.keys_unusable'
  /** The data folder has tables that are not on the encrypted disk. */
  | 'store.not_encrypted'
  /** The numbered migrations and the record of those applied do not fit together. */
  | 'store.migrations_differ'
  /** A change that deletes, alters or lengthens what is stored, and that nobody allowed by its name. */
  | 'store.change_not_allowed'
  /** The store was closed. */
  | 'store.closed';

/**
 * A fault of the store. ClickHouse's own message is never in it, nor kept as its cause: it quotes values
 * and whole queries.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** Whether the same call, with the same bytes and token, may succeed later. */
  readonly retriable: boolean;
  /** ClickHouse's numeric error code, or the system's name of a network error (`ECONNREFUSED`). */
  readonly engineCode: string | undefined;

  constructor(code: StoreErrorCode, message: string, engineCode?: string) {
    super(engineCode === undefined ? message : `${message} (${engineCode})`);
    this.code = code;
    this.retriable = code === 'store.unavailable';
    this.engineCode = engineCode;
  }
}

/**
 * ClickHouse codes of conditions that pass (src/Common/ErrorCodes.cpp). What is not listed is not retried:
 * a batch that cannot succeed must be seen, not repeated for ever.
 */
const passing: ReadonlySet<number> = new Set([
  75, // CANNOT_WRITE_TO_FILE_DESCRIPTOR: the disk is full, most often
  164, // READONLY: a replica that is being moved or repaired
  201, // QUOTA_EXCEEDED: until its interval ends
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  203, // NO_FREE_CONNECTION
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  225, // NO_ZOOKEEPER
  236, // ABORTED: the server is shutting down
  242, // TABLE_IS_READ_ONLY
  243, // NOT_ENOUGH_SPACE
  252, // TOO_MANY_PARTS
  279, // ALL_CONNECTION_TRIES_FAILED
  285, // TOO_FEW_LIVE_REPLICAS
  286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  289, // REPLICA_IS_NOT_IN_QUORUM
  319, // UNKNOWN_STATUS_OF_INSERT: the token makes the repetition harmless
  394, // QUERY_WAS_CANCELLED
  425, // SYSTEM_ERROR
  439, // CANNOT_SCHEDULE_TASK
  517, // CANNOT_ASSIGN_ALTER: another change of the table is going on
  999, // KEEPER_EXCEPTION
]);

const limits: ReadonlySet<number> = new Set([
  158, // TOO_MANY_ROWS
  159, // TIMEOUT_EXCEEDED
  160, // TOO_SLOW
  241, // MEMORY_LIMIT_EXCEEDED
  307, // TOO_MANY_BYTES
  396, // TOO_MANY_ROWS_OR_BYTES
]);

/**
 * Turns what the client or the engine threw into a `StoreError`, by code and never by message.
 * @param use a write that ran out of time or memory may succeed when the store is less busy; a read that
 * did has limits of its own and will not.
 */
export function toStoreError(error: unknown, use: 'read' | 'write'): StoreError {
  if (error instanceof StoreError) return error;
  const code = engineCodeOf(error);
  if (code === null) return new StoreError('store.refused', 'The store failed in a way it gave no code for');
  if (isCertificateError(code)) {
    return new StoreError(
      'store.unavailable',
      'The certificates of the store and its client do not fit',
      code,
    );
  }
  if (!/^\d+$/.test(code)) return new StoreError('store.unavailable', 'The store cannot be reached', code);
  const number = Number(code);
  if (limits.has(number)) {
    return use === 'write'
      ? new StoreError('store.unavailable', 'The store is out of time or memory for this write', code)
      : new StoreError('store.limit_exceeded', 'The query went over its limits', code);
  }
  return passing.has(number)
    ? new StoreError('store.unavailable', 'The store cannot do this now', code)
    : new StoreError('store.refused', 'The store refused the statement', code);
}

/** Looks along the chain of causes for ClickHouse's number, else for a system error's name. */
function engineCodeOf(error: unknown): string | null {
  let name: string | null = null;
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const { clickhouseCode, code } = at as { clickhouseCode?: unknown; code?: unknown };
    if (typeof clickhouseCode === 'number') return String(clickhouseCode);
    if (typeof code === 'string' && /^\d{1,5}$/.test(code)) return code;
    if (typeof code === 'string' && (/^E[A-Z_]{2,40}$/.test(code) || isCertificateError(code))) name ??= code;
    // chdb 3.4 gives a stream's errors no code of their own. This prefix is ClickHouse's fixed format.
    const prefix = /^Code: (\d{1,5})\. DB::/.exec(at.message);
    if (prefix?.[1] !== undefined) return prefix[1];
  }
  return name;
}

/** Node's names of what OpenSSL says about a certificate; nothing was sent to who has it. */
const isCertificateError = (code: string): boolean =>
  /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_|ERR_SSL_)[A-Z0-9_]{2,60}$/.test(code);
