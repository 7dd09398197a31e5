import { codeOf } from './error-code.ts';

/** An address that cannot be listened on, by the name of its setting. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'service.listen';
  constructor(setting: string, cause: unknown) {
    super(`${setting} cannot be listened on (${codeOf(cause)}): free the address, or give another`);
  }
}
