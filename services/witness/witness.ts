import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  judgeCheckpoint,
  type NoteVerifier,
  type SignedCheckpoint,
  type WitnessRefusal,
} from '#shared/ledger';
import { type Clock, type Logger, Mutex, writeFileDurably } from '#shared/runtime';
import { WitnessError } from './errors.ts';
import type { WitnessFolder } from './folder.ts';
import { readOptional } from './state.ts';

export type WitnessAnswer =
  /** `line`: the cosignature as a note carries it. */
  | { readonly ok: true; readonly line: string }
  /** `knownSize`: of what was cosigned last; where the refusal is about it. */
  | { readonly ok: false; readonly reason: WitnessRefusal; readonly knownSize?: number };

export interface Witness {
  /**
   * Answers one `add-checkpoint`. What is cosigned is durable before.
   * @throws the system's error where the state could not be written: then nothing was cosigned.
   */
  add(body: string): Promise<WitnessAnswer>;
  figures(): WitnessFigures;
}

/** Counts since the process began. */
export interface WitnessFigures {
  readonly cosigned: number;
  readonly refused: Readonly<Record<string, number>>;
  /** By origin: size of the tree that was cosigned last. */
  readonly sizes: Readonly<Record<string, number>>;
}

export interface WitnessDeps {
  readonly folder: Pick<WitnessFolder, 'path' | 'cosigner' | 'state' | 'isHeld'>;
  /** Keys of the logs that are followed. */
  readonly logs: readonly NoteVerifier[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A witness: it cosigns of each log one history, however it is asked and whenever it is killed. */
export function createWitness({ folder, logs, clock, logger }: WitnessDeps): Witness {
  const { path, cosigner, state } = folder;
  const refused: Record<string, number> = {};
  let cosigned = 0;
  // Judging and writing are one step for all logs: a second request sees what the first left.
  const mutex = new Mutex();

  async function add(body: string): Promise<WitnessAnswer> {
    const judgement = judgeCheckpoint(body, logs, (origin) => state.latest(origin));
    if (!judgement.ok) {
      const { reason, knownSize, checkpoint } = judgement;
      refused[reason] = (refused[reason] ?? 0) + 1;
      if (checkpoint !== undefined) await keepEvidence(checkpoint);
      return { ok: false, reason, ...(knownSize === undefined ? {} : { knownSize }) };
    }
    const { checkpoint, text } = judgement;
    if (!(await folder.isHeld())) {
      throw new WitnessError('witness.lock_lost', "this process's lock on the folder was taken away");
    }
    await state.advance(checkpoint);
    cosigned++;
    return { ok: true, line: cosigner.cosign(text, Math.floor(clock.now() / 1000)) };
  }

  /** Two trees of one size, both signed by the log, prove by themselves that it forked: the first such pair is kept. */
  async function keepEvidence(second: SignedCheckpoint): Promise<void> {
    const first = state.latest(second.origin);
    const name = `forked-${createHash('sha256').update(second.origin).digest('hex').slice(0, 16)}.txt`;
    if (first === null || (await readOptional(join(path, name))) !== null) return;
    try {
      await writeFileDurably(join(path, name), `${first.note}\n${second.note}`);
      logger.error({ code: 'witness.forked' }, 'a log signed two histories; the proof is in the folder');
    } catch {
      logger.error({ code: 'witness.forked' }, 'a log signed two histories; the proof could not be kept');
    }
  }

  return {
    add: (body) => mutex.run(() => add(body)),
    figures: () => ({
      cosigned,
      refused,
      sizes: Object.fromEntries(logs.map(({ name }) => [name, state.latest(name)?.size ?? 0])),
    }),
  };
}
