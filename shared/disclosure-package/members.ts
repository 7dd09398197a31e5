import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PackageError } from './errors.ts';
import { memberNames, memberSequence } from './names.ts';

/**
 * That a folder holds exactly the members of one package; the receipt may be there from a sealing that was cut
 * off.
 * @throws {PackageError} `package.staging`
 */
export async function assertStaged(folder: string): Promise<void> {
  const { members, found } = await look(folder);
  assertSame(members, [...found.filter((name) => name !== memberNames.receipt), memberNames.receipt]);
}

/**
 * Names of a sealed package's members, in the order in which they stand in the tar file; the folder holds
 * exactly those.
 * @throws {PackageError} `package.staging`
 */
export async function sealedMembers(folder: string): Promise<string[]> {
  const { members, found } = await look(folder);
  assertSame(members, found);
  return members;
}

async function look(folder: string): Promise<{ members: string[]; found: string[] }> {
  const [top, parts] = await Promise.all([readdir(folder), readdir(join(folder, 'parts'))]);
  const found = [...top.filter((name) => name !== 'parts'), ...parts.map((name) => `parts/${name}`)];
  return { members: memberSequence(parts.length - 1), found };
}

function assertSame(expected: readonly string[], found: readonly string[]): void {
  if ([...found].sort().join('\n') !== [...expected].sort().join('\n')) {
    throw new PackageError('package.staging', 'the folder does not hold exactly one package');
  }
}
