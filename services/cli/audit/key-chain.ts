import type { ControlState } from '#shared/control';
import { followRotations, type KeyChain, type RotationRefusal, rotationPath } from '#shared/ledger';
import { unusable } from '../errors.ts';
import type { LedgerPlace } from './place.ts';
import type { AuditState } from './state-file.ts';
import type { VerifyProblem } from './verify.ts';

/** What each refusal means, after "The receipt of a change of the ledger's key". */
const refusals: Readonly<Record<RotationRefusal, string>> = {
  'rotation.malformed': 'is none',
  'rotation.other_key': 'is of another key',
  'rotation.not_by_old_key': 'is not signed by the key that it replaces',
  'rotation.not_by_new_key': 'is not signed by the new key',
  'rotation.not_in_tree': 'has an entry that is not in the tree that was signed',
};

/**
 * The ledger's keys, from the one that is believed to the one that must have signed its checkpoint now.
 * @throws CliError `audit.other_key` where the key that was given leads to none of them, and none to it
 */
export async function readKeyChain(
  { reader, key, pinned }: LedgerPlace,
  state: AuditState | null,
): Promise<KeyChain> {
  const chain = await followRotations(key, (n) => reader.read(rotationPath(n)));
  const known = [...(state?.keys ?? []), ...chain.keys].map(({ vkey }) => vkey);
  if (pinned === null || known.includes(pinned.vkey)) return chain;
  throw unusable(
    'audit.other_key',
    'the state file is of a ledger with another key, and no change of key that it signed leads to the one given; find out why before you begin a new one',
  );
}

/** What is wrong with the changes of key, given those that the entries tell. */
export function keyProblems(
  { keys, refusal }: KeyChain,
  { keyRotations }: Pick<ControlState, 'keyRotations'>,
): VerifyProblem[] {
  const problems: VerifyProblem[] = [];
  if (refusal !== null) {
    const sentence = `The receipt of a change of the ledger's key ${refusals[refusal]}: the change is not believed.`;
    problems.push({ code: 'key.rotation_invalid', sentence });
  }
  const last = keyRotations.at(-1);
  if (last !== undefined && last.to !== keys.at(-1)?.vkey) {
    const sentence = `Entry ${last.index} changes the ledger's key, and no checkpoint signed by the key before it shows that.`;
    problems.push({ code: 'key.rotation_unproven', sentence });
  }
  return problems;
}
