/** Why a witness does not start, or has stopped. Stable names. */
export type WitnessErrorCode =
  /** Another running process has the folder. */
  | 'witness.locked'
  /** The folder's lock was taken away while it ran. */
  | 'witness.lock_lost'
  /** The key is there, and what it cosigned is not known any more. */
  | 'witness.state_lost'
  /** The state is there, and cannot be read. */
  | 'witness.state_damaged'
  /** The state is there, and the key is not. */
  | 'witness.key_lost'
  /** The key is there, and cannot be used. */
  | 'witness.key_unusable'
  /** The file of logs holds something else. */
  | 'config.witness_logs';

/** A fault that a person must look at; the message says what to do. */
export class WitnessError extends Error {
  override readonly name = 'WitnessError';
  readonly code: WitnessErrorCode;

  constructor(code: WitnessErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
