export type PackageErrorCode =
  /** A recipient is no age X25519 recipient, or there are none or too many. */
  | 'package.recipients'
  /** A line of the store is not what may be released. */
  | 'package.record_invalid'
  /** One record is larger than a part may be. */
  | 'package.record_too_large'
  /** More parts than a package may have. */
  | 'package.too_many_parts'
  /** The staging folder holds something else than one staged package. */
  | 'package.staging'
  /** The receipt is empty or beyond its bound. */
  | 'package.receipt';

/** A fault while a package is made. The message holds nothing of the records. */
export class PackageError extends Error {
  override readonly name = 'PackageError';
  readonly code: PackageErrorCode;
  constructor(code: PackageErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
