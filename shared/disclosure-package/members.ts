import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PackageError } from './errors.ts';
import { memberNames, memberSequence } from './names.ts';

/**
 * Names of a package's members in a folder, in the order in which they stand in the tar file, where it holds
 * exactly those; of a staged one all but the receipt, which may be there from a sealing that was cut off.
 * @throws {PackageError} `package.staging`
 */
export async function stagedMembers(folder: string): Promise<string[]> {
  const { members, found } = await look(folder);
  const withoutReceipt = (names: readonly string[]) => names.filter((name) => name !== memberNames.receipt);
  return expectSame(withoutReceipt(members), withoutReceipt(found));
}

/** @throws {PackageError} `package.staging` */
export async function sealedMembers(folder: string): Promise<string[]> {
  const { members, found } = await look(folder);
  return expectSame(members, found);
}

async function look(folder: string): Promise<{ members: string[]; found: string[] }> {
  const [top, parts] = await Promise.all([readdir(folder), readdir(join(folder, 'parts'))]);
  const found = [...top.filter((name) => name !== 'parts'), ...parts.map((name) => `parts/${name}`)];
  return { members: memberSequence(parts.length - 1), found };
}

function expectSame(expected: string[], found: readonly string[]): string[] {
  if ([...found].sort().join('\n') !== [...expected].sort().join('\n')) {
    throw new PackageError('package.staging', 'the folder does not hold exactly one package');
  }
  return expected;
}
