import { decodeBase64, encodeBase64, parseDecimal } from './base64.ts';
import { type Hash, isHash } from './hash.ts';

/** C2SP tlog-witness: a client sends no more. */
const maxProofHashes = 63;

/** What a log asks of a witness (C2SP tlog-witness, `add-checkpoint`). */
export interface AddCheckpoint {
  /** Size of the tree that the witness cosigned last; 0 for none. */
  readonly oldSize: number;
  /** That the tree of `oldSize` entries is the beginning of the checkpoint's. Empty where `oldSize` is 0. */
  readonly proof: readonly Hash[];
  /** The signed checkpoint, verbatim. */
  readonly checkpointNote: string;
}

/** Media type of the answer that states the size which the witness knows. */
export const sizeMediaType = 'text/x.tlog.size';

export function formatAddCheckpoint({ oldSize, proof, checkpointNote }: AddCheckpoint): string {
  return [`old ${oldSize}`, ...proof.map(encodeBase64), '', checkpointNote].join('\n');
}

/** Takes a request apart; nothing in it is verified yet. @returns null unless it is exactly of the form. */
export function parseAddCheckpoint(body: string): AddCheckpoint | null {
  const blank = body.indexOf('\n\n');
  if (blank < 0) return null;
  const [first = '', ...lines] = body.slice(0, blank).split('\n');
  const oldSize = parseDecimal(/^old (.*)$/.exec(first)?.[1] ?? '');
  if (oldSize === null || lines.length > maxProofHashes) return null;
  const proof = lines.map(decodeBase64).filter((hash) => hash !== null);
  if (proof.length !== lines.length || !proof.every(isHash)) return null;
  return { oldSize, proof, checkpointNote: body.slice(blank + 2) };
}

/** The body of a 409: a size in decimal and a newline. @returns null for anything else. */
export function parseKnownSize(body: string): number | null {
  return body.endsWith('\n') ? parseDecimal(body.slice(0, -1)) : null;
}
