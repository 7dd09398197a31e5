import { randomBytes, type X509Certificate } from 'node:crypto';
import {
  type TimestampRefusal,
  timestampMediaTypes,
  timestampRequest,
  verifyTimestamp,
} from '#shared/timestamp';
import { readBounded } from '../witnesses/bounded-text.ts';

/** From the request to the last byte of the answer. */
const answerMs = 15_000;
/** A time stamp with its certificates has a few thousand bytes. */
const maxAnswerBytes = 64 * 1024;
const nonceBytes = 16;

/** Why there is no time stamp. Stable names, for logs and metrics. */
export type StampFault = TimestampRefusal | 'timestamp.unreachable';

export type Stamped =
  /** `response`: the TimeStampResp as it came; `time`: by the authority's clock, milliseconds since the epoch. */
  | { readonly ok: true; readonly response: Uint8Array; readonly time: number }
  | { readonly ok: false; readonly fault: StampFault };

/** A time-stamping authority, and who vouches for it. */
export interface Authority {
  readonly url: string;
  readonly anchors: readonly X509Certificate[];
}

/** Has bytes stamped (RFC 3161 over HTTP, section 3.4). What comes back is verified before it counts. */
export async function askForTimestamp(
  data: Uint8Array,
  { url, anchors }: Authority,
  { fetch, signal }: { readonly fetch: typeof globalThis.fetch; readonly signal: AbortSignal },
): Promise<Stamped> {
  const nonce = randomBytes(nonceBytes);
  let response: Uint8Array | null;
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body: Buffer.from(timestampRequest(data, nonce)),
      headers: { 'content-type': timestampMediaTypes.query },
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
    });
    response = answer.status === 200 ? await readBounded(answer, maxAnswerBytes) : null;
  } catch {
    // What went wrong with the network is of no use to anybody but its operator; that it did is told.
    response = null;
  }
  if (response === null) return { ok: false, fault: 'timestamp.unreachable' };
  const verified = verifyTimestamp(response, data, anchors, nonce);
  return verified.ok ? { ok: true, response, time: verified.time } : { ok: false, fault: verified.reason };
}
