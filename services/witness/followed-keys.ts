import { join } from 'node:path';
import { z } from 'zod';
import { type NoteVerifier, parseVerifierKey } from '#shared/ledger';
import { writeFileDurably } from '#shared/runtime';
import { WitnessError } from './errors.ts';
import { witnessLimits } from './limits.ts';
import { readOptional } from './state.ts';

/*
 * Keys that followed logs came to since their first ones were written into the file of logs. Only the latest
 * key of a log counts: one that was replaced signs nothing more, whoever has it.
 */

export const followedFile = 'followed-keys.json';

const schema = z.strictObject({
  v: z.literal(1),
  /** Verifier keys, in the order in which they were followed. */
  rotations: z.array(z.strictObject({ from: z.string(), to: z.string() })).max(witnessLimits.rotations),
});
export type FollowedRotation = z.infer<typeof schema>['rotations'][number];

/** @throws WitnessError `witness.state_damaged` */
export async function readFollowed(folder: string): Promise<readonly FollowedRotation[]> {
  const text = await readOptional(join(folder, followedFile));
  if (text === null) return [];
  try {
    const { rotations } = schema.parse(JSON.parse(text));
    for (const { to } of rotations) parseVerifierKey(to);
    return rotations;
  } catch {
    throw new WitnessError(
      'witness.state_damaged',
      `${followedFile} cannot be read; take it away, put the present keys of the logs into the file of logs, and start again`,
    );
  }
}

export function keepFollowed(folder: string, rotations: readonly FollowedRotation[]): Promise<void> {
  return writeFileDurably(join(folder, followedFile), `${JSON.stringify({ v: 1, rotations }, null, 2)}\n`);
}

/** The keys in force: those of the file of logs and those that they led to, without those that were replaced. */
export function keysInForce(
  logs: readonly NoteVerifier[],
  rotations: readonly FollowedRotation[],
): readonly NoteVerifier[] {
  const replaced = new Set(rotations.map(({ from }) => from));
  const known = [...logs, ...rotations.map(({ to }) => parseVerifierKey(to))];
  const byText = new Map(known.map((key) => [key.vkey, key]));
  return [...byText.values()].filter(({ vkey }) => !replaced.has(vkey));
}
