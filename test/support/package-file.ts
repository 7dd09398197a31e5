import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { openArchive } from '#shared/disclosure-package';

/** Writes a sealed package as the one file that is fetched. */
export async function writePackageFile(sealed: string, file: string): Promise<void> {
  await pipeline((await openArchive(sealed)).read(), createWriteStream(file, { mode: 0o600 }));
}
