/** What went wrong with the bus. Stable names. */
export type BusErrorCode =
  /** Nobody subscribed to the topic, so nobody can acknowledge its records. */
  | 'bus.no_subscriber'
  /** The topic has its subscriber already. */
  | 'bus.subscribed_twice'
  /** The bus was closed. */
  | 'bus.closed'
  /** The consumer did not take the records; publish them again. */
  | 'bus.not_handled';

/** A fault of the bus. */
export class BusError extends Error {
  override readonly name = 'BusError';
  readonly code: BusErrorCode;
  /** Whether publishing the same records again may succeed. */
  readonly retriable: boolean;

  constructor(code: BusErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retriable = code === 'bus.not_handled';
  }
}
