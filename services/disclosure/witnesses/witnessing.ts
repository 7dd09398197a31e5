import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Cosignature,
  equalCheckpoints,
  type Ledger,
  type NoteVerifier,
  type SignedCheckpoint,
} from '#shared/ledger';
import { type Clock, codeOf, type Logger } from '#shared/runtime';
import { type CosignedCheckpoint, keepCosigned, readCosigned, withCosignatures } from './cosigned-note.ts';
import type { AskedWitness, WitnessRequirement } from './policy-file.ts';
import { type SubmitFault, submitCheckpoint } from './submit.ts';

/** Between rounds. A busy log's checkpoints are many; witnesses see one of each round. */
export const defaultIntervalMs = 60_000;

/** An unchanged checkpoint is cosigned anew after so long: the time of a cosignature shows that nothing was cut off. */
const refreshMs = 3_600_000;
/** A witness that failed is asked again after as many rounds as it failed in a row, at most these. */
const maxRoundsLeftOut = 10;
/** The policy may be unmet for so long, or three rounds, before it is an alarm; as often while it stays so. */
const shortestAlarmMs = 15 * 60_000;

/** Faults that no waiting mends, and that speak against the log: alarms of their own, at once. */
const graveFaults: ReadonlySet<SubmitFault> = new Set<SubmitFault>(['witness.ahead', 'witness.contradicts']);

export interface WitnessingDeps {
  readonly requirement: WitnessRequirement;
  readonly ledger: Pick<Ledger, 'checkpoint' | 'consistencyProof'>;
  /** Receipts of the ledger's changes of key, for witnesses that know an earlier key. */
  readonly rotations?: () => Promise<readonly string[]>;
  /** The ledger's own key. */
  readonly log: NoteVerifier;
  /** Where the cosigned checkpoint is kept, so that a copy of the ledger has it. */
  readonly file: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly intervalMs?: number;
  readonly fetch?: typeof globalThis.fetch;
}

export interface WitnessingFigures {
  /** By the witness's name in the policy. */
  readonly witnesses: Readonly<
    Record<string, { readonly lastCosignedAt: number; readonly fault: SubmitFault | null }>
  >;
  /** Size of the latest tree for which the policy was met; 0 for none. */
  readonly witnessedSize: number;
  /** Whether the latest checkpoint, or one no older than the alarm's bound, has met the policy. */
  readonly met: boolean;
}

/** Has checkpoints cosigned while it runs. Nothing that the service does waits for it. */
export interface Witnessing {
  /** The latest checkpoint for which the policy was met (or the best there is), with its cosignatures. */
  cosigned(): CosignedCheckpoint | null;
  /** The note with its cosignatures where it is the cosigned checkpoint's; else as it is. */
  dress(note: string): string;
  figures(): WitnessingFigures;
  /** One round now; for tests. `start` makes them by itself. */
  round(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

interface WitnessRecord {
  readonly witness: AskedWitness;
  knownSize: number;
  failures: number;
  roundsLeftOut: number;
  fault: SubmitFault | null;
  last: {
    readonly checkpoint: SignedCheckpoint;
    readonly cosignature: Cosignature;
    /** When the answer came, by our own clock. */
    readonly at: number;
  } | null;
}

export async function openWitnessing(deps: WitnessingDeps): Promise<Witnessing> {
  const { requirement, ledger, log, file, clock, logger, intervalMs = defaultIntervalMs } = deps;
  const { fetch = globalThis.fetch, rotations = async () => [] } = deps;
  const alarmAfterMs = Math.max(shortestAlarmMs, 3 * intervalMs);
  const stopping = new AbortController();
  const records = requirement.witnesses.map(
    (witness): WitnessRecord => ({
      witness,
      knownSize: 0,
      failures: 0,
      roundsLeftOut: 0,
      fault: null,
      last: null,
    }),
  );
  const verifiers = requirement.witnesses.map(({ verifier }) => verifier);
  const isMet = (note: CosignedCheckpoint | null) => note !== null && requirement.isMet(note.cosigners);
  let best = await readCosigned(file, log, verifiers);
  let running: Promise<void> = Promise.resolve();
  /** When the policy was last met for what was then the latest checkpoint. */
  let metAt = clock.now();
  let alarmedAt = 0;

  async function ask(record: WitnessRecord, head: SignedCheckpoint): Promise<void> {
    const { last } = record;
    const isFresh = clock.now() - (last?.at ?? 0) < refreshMs;
    if (last !== null && equalCheckpoints(last.checkpoint, head) && isFresh) return;
    if (record.roundsLeftOut > 0) {
      record.roundsLeftOut--;
      return;
    }
    const { signal } = stopping;
    const result = await submitCheckpoint(head, record.witness, record.knownSize, {
      ledger,
      rotations,
      fetch,
      signal,
    });
    if (signal.aborted) return;
    if (result.ok) {
      if (record.fault !== null) logger.info({ source: record.witness.name }, 'a witness cosigns again');
      record.knownSize = head.size;
      record.last = { checkpoint: head, cosignature: result.cosignature, at: clock.now() };
      record.failures = 0;
      record.fault = null;
      return;
    }
    record.knownSize = result.knownSize;
    record.failures++;
    record.roundsLeftOut = Math.min(record.failures - 1, maxRoundsLeftOut);
    if (record.fault !== result.fault) tell(record.witness.name, result.fault);
    record.fault = result.fault;
  }

  function tell(source: string, code: SubmitFault): void {
    if (graveFaults.has(code)) {
      logger.error(
        { source, code },
        'a witness says that it saw another history of this ledger; look at it at once',
      );
    } else logger.warn({ source, code }, 'a witness did not cosign');
  }

  async function round(): Promise<void> {
    const head = ledger.checkpoint();
    if (head.size === 0) return;
    await Promise.all(
      records.map((record) =>
        ask(record, head).catch((error: unknown) => {
          logger.error(
            { source: record.witness.name, code: codeOf(error) },
            'a checkpoint was not submitted',
          );
        }),
      ),
    );
    if (stopping.signal.aborted) return;
    const given = records.flatMap(({ last }) =>
      last !== null && equalCheckpoints(last.checkpoint, head) ? [last] : [],
    );
    const cosignatures = given.map(({ cosignature }) => cosignature);
    const next = withCosignatures(head, cosignatures);
    // What was asked anew and did not come does not count: a quiet ledger must notice, too, that nobody watches.
    const current = given.filter(({ at }) => clock.now() - at < refreshMs + intervalMs);
    if (requirement.isMet(current.map(({ cosignature }) => cosignature.verifier))) metAt = clock.now();
    const isBetter = isMet(next) || (!isMet(best) && cosignatures.length > 0);
    if (isBetter && next.note !== best?.note) {
      await keepCosigned(file, next);
      best = next;
    }
    alarm();
  }

  /** A detective control of third parties: it must be heard, and must not stop what an order demands in hours. */
  function alarm(): void {
    const now = clock.now();
    if (now - metAt < alarmAfterMs) {
      alarmedAt = 0;
      return;
    }
    if (alarmedAt !== 0 && now - alarmedAt < alarmAfterMs) return;
    alarmedAt = now;
    const durationMs = now - metAt;
    logger.error({ code: 'witness.quorum_missed', durationMs }, 'too few witnesses cosign the ledger');
  }

  async function run(): Promise<void> {
    const { signal } = stopping;
    while (!signal.aborted) {
      await round().catch((error: unknown) => {
        logger.error({ code: codeOf(error) }, 'the cosigned checkpoint could not be kept');
      });
      await sleep(intervalMs, undefined, { signal }).catch(() => {});
    }
  }

  return {
    cosigned: () => best,
    dress: (note) => (best !== null && best.checkpoint.note === note ? best.note : note),
    figures: () => ({
      witnesses: Object.fromEntries(
        records.map(({ witness, last, fault }) => [
          witness.name,
          { lastCosignedAt: last?.cosignature.time ?? 0, fault },
        ]),
      ),
      witnessedSize: best !== null && isMet(best) ? best.checkpoint.size : 0,
      met: clock.now() - metAt < alarmAfterMs,
    }),
    round,
    start: () => {
      running = run();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
