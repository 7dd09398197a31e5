import { readFile, stat } from 'node:fs/promises';
import { writeFileDurably } from '#shared/runtime';
import { MasterKeyError } from './errors.ts';
import { rewrapCases } from './folder.ts';
import { createMasterKey, generateMasterKey, masterKeyId, splitMasterKeys } from './master-key.ts';

const heading =
  '# Master keys of the case files. The last one wraps; those before it wait for the end of a rotation.';

/** Text of a file that holds these keys. */
export const masterKeyFileText = (keys: readonly string[]): string => `${[heading, ...keys].join('\n')}\n`;

/**
 * Replaces the master key in `keyFile`. The old one is given up only once every case's key was wrapped anew;
 * cut off anywhere, what is there opens every case, and the next call goes on. The service must not run.
 * @returns ids of the keys before and now; `resumed` where an earlier call had been cut off
 * @throws MasterKeyError, RewrapError: nothing is given up then
 */
export async function rotateMasterKeyFile(
  keyFile: string,
  caseFolder: string,
): Promise<{ from: string; to: string; cases: number; resumed: boolean }> {
  const before = splitMasterKeys(await readMasterKeyFile(keyFile));
  const resumed = before.length > 1;
  const keys = resumed ? before : [...before, generateMasterKey()];
  if (!resumed) await writeFileDurably(keyFile, masterKeyFileText(keys));
  const { cases } = await rewrapCases(caseFolder, createMasterKey(keys.join('\n')));
  const active = keys.slice(-1);
  await writeFileDurably(keyFile, masterKeyFileText(active));
  return { from: masterKeyId(keys[0] ?? ''), to: masterKeyId(active[0] ?? ''), cases, resumed };
}

/** @throws MasterKeyError where others than its owner can read it; the system's error where it is not there */
export async function readMasterKeyFile(path: string): Promise<string> {
  if (((await stat(path)).mode & 0o077) !== 0) {
    throw new MasterKeyError('lie in a file that others than its owner can read; give it the mode 0600');
  }
  return readFile(path, 'utf8');
}
