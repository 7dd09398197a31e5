import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** Root of the installed package: the first folder upwards that holds our package.json. */
export const packageRoot: string = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    try {
      const { name } = z.object({ name: z.string() }).parse(readJson(join(folder, 'package.json')));
      if (name === 'griffie') return folder;
    } catch {
      // no package.json here, or not ours: further up
    }
    if (folder === dirname(folder))
      throw new Error('the installation is incomplete: package.json is missing');
  }
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** Version of this software, as in package.json. */
export const softwareVersion: string = z
  .object({ version: z.string() })
  .parse(readJson(join(packageRoot, 'package.json'))).version;
