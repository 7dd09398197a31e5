import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { PackageError } from './errors.ts';
import { sealedMembers } from './members.ts';
import { tarBytes, tarEnd, tarHeader, tarPadding } from './tar.ts';

/** The tar file of a sealed package, which is made as it is read: always the same bytes. */
export interface PackageArchive {
  readonly bytes: number;
  read(): Readable;
}

interface Member {
  readonly name: string;
  readonly size: number;
}

const readBytes = 256 * 1024;

/**
 * @param folder of a sealed package
 * @throws {PackageError} `package.staging`
 */
export async function openArchive(folder: string): Promise<PackageArchive> {
  const members: Member[] = [];
  for (const name of await sealedMembers(folder)) {
    members.push({ name, size: (await stat(join(folder, name))).size });
  }
  return {
    bytes: tarBytes(members.map(({ size }) => size)),
    read: () => Readable.from(archived(folder, members), { objectMode: false }),
  };
}

async function* archived(folder: string, members: readonly Member[]): AsyncGenerator<Buffer> {
  for (const { name, size } of members) {
    yield tarHeader(name, size);
    let read = 0;
    for await (const chunk of createReadStream(join(folder, name), { highWaterMark: readBytes })) {
      read += chunk.length;
      yield chunk;
    }
    // Whoever fetches it is cut off, and does not get another package than the one that was announced.
    if (read !== size) throw new PackageError('package.staging', 'a member changed while it was read');
    const padding = tarPadding(size);
    if (padding.length > 0) yield padding;
  }
  yield tarEnd;
}
