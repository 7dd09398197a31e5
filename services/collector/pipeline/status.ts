import type { SourceConfig } from '../config.ts';
import type { RequestCounts } from '../sources/index.ts';
import type { Listed } from './listing.ts';

/** A fault as people may read it: a stable code and a sentence, nothing of what was read. */
export interface SourceFault {
  readonly code: string;
  readonly message: string;
  /** RFC 3339 UTC. */
  readonly at: string;
}

export interface SourceStatus {
  readonly id: string;
  readonly kind: SourceConfig['kind'];
  readonly path?: string;
  /**
   * `following`: reading, or at the end; `waiting`: nothing is there to read yet; `failed`: tried again in a
   * while, see `lastFault`; `stopped`: by `stop()`, or a stream ended.
   */
  readonly state: 'following' | 'waiting' | 'stopped' | 'failed';
  /** Bytes not delivered yet; absent where it cannot be known. */
  readonly lagBytes?: number;
  /** The same in lines, for topics. */
  readonly lagLines?: number;
  /** Of webhooks, since the process began. */
  readonly requests?: RequestCounts;
  /** Time of the last line, by the mail server's clock; RFC 3339 UTC. */
  readonly lastLineAt?: string;
  readonly lines: number;
  readonly events: number;
  readonly ignored: number;
  /** Lines that came again and were left out. */
  readonly repeated: number;
  readonly notUnderstood: Readonly<Record<string, number>>;
  /** How often lines may have been missed; `gaps` lists the last. */
  readonly gapCount: number;
  readonly gaps: readonly Listed[];
  /** Messages and sessions that wait for more lines. */
  readonly open: number;
  readonly lastFault?: SourceFault;
}

const systemSentences: Readonly<Record<string, string>> = {
  EACCES: 'this user may not read the file or its folder; give it the right (often: the group adm)',
  EPERM: 'this user may not read the file or its folder',
  ENOSPC: 'the disk that holds the checkpoints is full',
  EROFS: 'the disk that holds the checkpoints is read-only',
  EMFILE: 'too many files are open; raise the limit',
  EIO: 'the disk answered with an error',
  ESTALE: 'the network file system lost the file',
};

/** Errors of this service say themselves what is wrong; of others only the code is told. */
export function faultOf(error: unknown, at: string): SourceFault {
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string'
      ? error.code
      : 'COLLECTOR_FAULT';
  if (error instanceof Error && /^(?:CHECKPOINT_|SOURCE_|kafka\.)/.test(code)) {
    return { code, message: error.message, at };
  }
  return { code, message: systemSentences[code] ?? `reading or writing failed with ${code}`, at };
}
