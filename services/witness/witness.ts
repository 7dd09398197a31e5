import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  judgeCheckpoint,
  type NoteVerifier,
  type SignedCheckpoint,
  verifyRotation,
  type WitnessRefusal,
} from '#shared/ledger';
import { type Clock, type Logger, Mutex, writeFileDurably } from '#shared/runtime';
import { WitnessError } from './errors.ts';
import type { WitnessFolder } from './folder.ts';
import { keepFollowed, keysInForce } from './followed-keys.ts';
import { witnessLimits } from './limits.ts';
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
  /**
   * Takes the receipt of a change of key of a followed log, signed by the key that is in force: from then on
   * the new key is, and the old one is not.
   * @returns why not, or null. Rejects with the system's error where it could not be kept: then nothing changed.
   */
  follow(receipt: string): Promise<WitnessRefusal | null>;
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
  readonly folder: Pick<WitnessFolder, 'path' | 'cosigner' | 'state' | 'followed' | 'isHeld'>;
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
  let { followed } = folder;
  let keys = keysInForce(logs, followed);
  // Judging and writing are one step for all logs: a second request sees what the first left.
  const mutex = new Mutex();

  async function add(body: string): Promise<WitnessAnswer> {
    const judgement = judgeCheckpoint(body, keys, (origin) => state.latest(origin));
    if (!judgement.ok) {
      const { reason, knownSize, checkpoint } = judgement;
      refused[reason] = (refused[reason] ?? 0) + 1;
      if (checkpoint !== undefined) await keepEvidence(checkpoint);
      return { ok: false, reason, ...(knownSize === undefined ? {} : { knownSize }) };
    }
    const { checkpoint, text } = judgement;
    await assertHeld();
    await state.advance(checkpoint);
    cosigned++;
    return { ok: true, line: cosigner.cosign(text, Math.floor(clock.now() / 1000)) };
  }

  async function follow(receipt: string): Promise<WitnessRefusal | null> {
    if (followed.length >= witnessLimits.rotations) return 'witness.not_by_log';
    const verified = keys.map((key) => verifyRotation(receipt, key));
    const found = verified.find(({ ok }) => ok);
    if (found?.ok !== true) {
      const isNone = verified.some((each) => !each.ok && each.reason === 'rotation.malformed');
      return isNone ? 'witness.malformed' : 'witness.not_by_log';
    }
    const { from, to } = found.rotation;
    await assertHeld();
    const next = [...followed, { from: from.vkey, to: to.vkey }];
    await keepFollowed(path, next);
    followed = next;
    keys = keysInForce(logs, followed);
    logger.info({ code: 'witness.key_followed' }, 'a log changed its key; the old one had signed that');
    return null;
  }

  async function assertHeld(): Promise<void> {
    if (await folder.isHeld()) return;
    throw new WitnessError('witness.lock_lost', "this process's lock on the folder was taken away");
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
    follow: (receipt) => mutex.run(() => follow(receipt)),
    figures: () => ({
      cosigned,
      refused,
      sizes: Object.fromEntries(logs.map(({ name }) => [name, state.latest(name)?.size ?? 0])),
    }),
  };
}
