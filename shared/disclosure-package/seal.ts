import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { privateModes, syncFolder } from '#shared/runtime';
import { PackageError } from './errors.ts';
import { packageLimits as limits } from './limits.ts';
import { memberNames, memberSequence } from './names.ts';
import { tarEnd, tarHeader, tarPadding } from './tar.ts';

export interface SealedPackage {
  readonly file: string;
  readonly bytes: number;
}

/** What is copied at once. */
const copyBytes = 1024 * 1024;

/**
 * Puts a staged package and its receipt into one tar file, durably, and removes the staging folder. May be
 * called again after a crash: the same folder and receipt give the same bytes.
 * @param receipt the ledger's receipt (C2SP tlog-proof) of the entry that announced the package
 * @param temporary beside the file, and nobody else's while this is under way
 * @throws {PackageError} `package.staging`, `package.receipt`
 */
export async function sealPackage(
  folder: string,
  receipt: Uint8Array,
  file: string,
  temporary = `${file}.tmp`,
): Promise<SealedPackage> {
  if (receipt.length === 0 || receipt.length > limits.receiptBytes) {
    throw new PackageError('package.receipt', 'the receipt is empty or too large');
  }
  const members = await stagedMembers(folder);
  const output = await open(temporary, 'w', privateModes.file);
  let bytes = 0;
  const write = async (chunk: Uint8Array): Promise<void> => {
    bytes += chunk.length;
    await output.appendFile(chunk);
  };
  try {
    const buffer = Buffer.allocUnsafe(copyBytes);
    for (const name of members) {
      if (name === memberNames.receipt) {
        await write(tarHeader(name, receipt.length));
        await write(receipt);
        await write(tarPadding(receipt.length));
        continue;
      }
      const member = await open(join(folder, name), 'r');
      try {
        const { size } = await member.stat();
        await write(tarHeader(name, size));
        for await (const chunk of chunksOf(member, buffer)) await write(chunk);
        await write(tarPadding(size));
      } finally {
        await member.close();
      }
    }
    await write(tarEnd);
    await output.sync();
  } finally {
    await output.close();
  }
  await rename(temporary, file);
  await syncFolder(dirname(file));
  await rm(folder, { recursive: true, force: true });
  return { file, bytes };
}

/** The members in order, where the folder holds exactly those of one staged package. */
async function stagedMembers(folder: string): Promise<string[]> {
  const [top, parts] = await Promise.all([readdir(folder), readdir(join(folder, 'parts'))]);
  const members = memberSequence(parts.length - 1);
  const found = [...top.filter((name) => name !== 'parts'), ...parts.map((name) => `parts/${name}`)];
  const expected = members.filter((name) => name !== memberNames.receipt);
  if (found.sort().join('\n') !== [...expected].sort().join('\n')) {
    throw new PackageError('package.staging', 'the folder does not hold exactly one staged package');
  }
  return members;
}

/** A file's bytes, each chunk in the same memory. */
async function* chunksOf(file: FileHandle, buffer: Buffer): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
