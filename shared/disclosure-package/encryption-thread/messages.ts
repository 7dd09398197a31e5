/*
 * What goes between the thread and who asks it. One file is written at a time, and its blocks come in order.
 * A block's memory goes over with it, and comes back once its bytes are encrypted and written.
 */

export interface FileToWrite {
  /** Of a file that does not exist yet. */
  readonly path: string;
  readonly mode: number;
  /** Of age, up to the payload's nonce. */
  readonly header: Uint8Array;
  readonly fileKey: Uint8Array;
}

export interface WrittenFile {
  readonly bytes: number;
  readonly sha256: string;
  readonly encryptedBytes: number;
  readonly encryptedSha256: string;
}

export type ToThread =
  | { readonly kind: 'open'; readonly file: FileToWrite }
  /** Plaintext of the file that was opened last: whole chunks, unless it is its last block. */
  | {
      readonly kind: 'block';
      readonly memory: ArrayBuffer;
      readonly length: number;
      readonly isLast: boolean;
    };

export type FromThread =
  | { readonly kind: 'taken'; readonly memory: ArrayBuffer }
  /** All bytes of the file are with the system, and not yet durable. */
  | { readonly kind: 'written'; readonly file: WrittenFile }
  | { readonly kind: 'synced' }
  /** The first fault is the last message. `code` is the system's, where it gave one. */
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | undefined };
