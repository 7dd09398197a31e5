import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Cosignature,
  formatAddCheckpoint,
  formatCheckpoint,
  type Hash,
  type Ledger,
  parseKnownSize,
  readCosignature,
  type SignedCheckpoint,
} from '#shared/ledger';
import { readBoundedText } from './bounded-text.ts';
import type { AskedWitness } from './policy-file.ts';

/** From the request to the last byte of the answer. */
const answerMs = 15_000;
/** 16 of the longest signature lines. */
const maxAnswerBytes = 64 * 1024;
/** A checkpoint may be overtaken once by another submission of ours or of somebody who replays it. */
const maxTries = 3;

/** What another replica had cosigned is here soon; a ledger that was cut never has it. */
const catchUpMs = 2_000;

/** Why a witness did not cosign. Stable names, for logs and metrics. */
export type SubmitFault =
  /** No answer in time, no connection, or a redirection, which is not followed. */
  | 'witness.unreachable'
  /** Too many requests, overloaded, or a fault of its own: later. */
  | 'witness.busy'
  /** 404: it does not follow this log. Its operator must be told the log's key. */
  | 'witness.unknown_log'
  /** 403: it knows the log by another key. */
  | 'witness.not_by_log'
  /** It cosigned a longer tree than there is here: this ledger lost entries, or was restored from a backup. */
  | 'witness.ahead'
  /** It cosigned another tree of this size, or the proof does not hold for what it cosigned: the log forked. */
  | 'witness.contradicts'
  /** An answer that is none, or whose signature does not verify. */
  | 'witness.bad_answer';

export type Submission =
  | { readonly ok: true; readonly cosignature: Cosignature }
  | { readonly ok: false; readonly fault: SubmitFault; readonly knownSize: number };

export interface SubmitDeps {
  readonly ledger: Pick<Ledger, 'consistencyProof' | 'checkpoint'>;
  /** Receipts of the ledger's changes of key, oldest first. */
  readonly rotations: () => Promise<readonly string[]>;
  readonly fetch: typeof globalThis.fetch;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/**
 * Asks one witness to cosign a checkpoint of this ledger (C2SP tlog-witness).
 * @param knownSize of the tree that it cosigned last as far as is known here; 0 for not known
 * @throws LedgerError where the ledger cannot make the proof
 */
export async function submitCheckpoint(
  checkpoint: SignedCheckpoint,
  witness: AskedWitness,
  knownSize: number,
  deps: SubmitDeps,
): Promise<Submission> {
  const text = formatCheckpoint(checkpoint);
  let oldSize = Math.min(knownSize, checkpoint.size);
  let isToldOfKeys = false;
  for (let tries = 1; tries <= maxTries; tries++) {
    const proof = await proofFrom(oldSize, checkpoint.size, deps.ledger);
    const body = formatAddCheckpoint({ oldSize, proof, checkpointNote: checkpoint.note });
    const answer = await post(`${witness.url}/add-checkpoint`, body, deps);
    const failed = (fault: SubmitFault): Submission => ({ ok: false, fault, knownSize: oldSize });
    if (answer === null) return failed('witness.unreachable');
    if (answer.status === 200) {
      const cosignature = readCosignature(text, answer.body, witness.verifier);
      return cosignature === null ? failed('witness.bad_answer') : { ok: true, cosignature };
    }
    if (answer.status === 403 && !isToldOfKeys) {
      // It may know the ledger by a key from before: one of ours learns the new one from the old one's word.
      isToldOfKeys = true;
      for (const receipt of await deps.rotations()) {
        await post(`${witness.url}/add-key-rotation`, receipt, deps);
      }
      continue;
    }
    if (answer.status !== 409) return failed(faultOf(answer.status));
    const size = parseKnownSize(answer.body);
    if (size === null) return failed('witness.bad_answer');
    if (size > deps.ledger.checkpoint().size) {
      await sleep(catchUpMs, undefined, { signal: deps.signal }).catch(() => {});
    }
    if (size > deps.ledger.checkpoint().size) return { ok: false, fault: 'witness.ahead', knownSize: size };
    // It has this size already, and refuses all the same: what it has is another tree.
    if (size === oldSize) return failed('witness.contradicts');
    // Overtaken by a later checkpoint of this ledger: that one is submitted next time.
    if (size > checkpoint.size) return { ok: false, fault: 'witness.busy', knownSize: size };
    oldSize = size;
  }
  return { ok: false, fault: 'witness.busy', knownSize: oldSize };
}

async function proofFrom(
  oldSize: number,
  size: number,
  ledger: SubmitDeps['ledger'],
): Promise<readonly Hash[]> {
  return oldSize === 0 || oldSize === size ? [] : ledger.consistencyProof(oldSize, size);
}

function faultOf(status: number): SubmitFault {
  if (status === 404) return 'witness.unknown_log';
  if (status === 403) return 'witness.not_by_log';
  if (status === 422) return 'witness.contradicts';
  return status === 429 || status >= 500 ? 'witness.busy' : 'witness.bad_answer';
}

/** @returns null where there is no answer. */
async function post(
  url: string,
  body: string,
  { fetch, signal }: SubmitDeps,
): Promise<{ readonly status: number; readonly body: string } | null> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
    });
    const text = await readBoundedText(response, maxAnswerBytes);
    return text === null ? null : { status: response.status, body: text };
  } catch {
    // What went wrong with the network is of no use to anybody but its operator; that it did is told.
    return null;
  }
}
