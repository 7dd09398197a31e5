import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memberNames } from '#shared/disclosure-package';
import { openPackageFolder, type PackageFolder } from '../../../services/disclosure/release/packages.ts';

const id = '01a3c5e7-0000-7000-8000-000000000001';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('packages that replicas share', () => {
  let folder: string;
  let a: PackageFolder;
  let b: PackageFolder;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-packages-'));
    [a, b] = [await openPackageFolder(folder, 'aaaa'), await openPackageFolder(folder, 'bbbb')];
    for (const [packages, manifest] of [
      [a, 'of a'],
      [b, 'of b'],
    ] as const) {
      await mkdir(packages.stagingPath(id));
      await writeFile(join(packages.stagingPath(id), memberNames.manifest), manifest);
    }
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('are staged apart, and the announced one is found whoever staged it', async () => {
    expect(await a.staged()).toEqual([id]);
    expect(await b.findStaged(id, sha256('of a'))).toBe(a.stagingPath(id));
    expect(await a.findStaged(id, sha256('of b'))).toBe(b.stagingPath(id));
    expect(await a.findStaged(id, sha256('of nobody'))).toBeNull();
    expect(a.temporaryPath(id)).not.toBe(b.temporaryPath(id));
    expect(a.sealedPath(id)).toBe(b.sealedPath(id));
  });

  it('are discarded by their own replica alone', async () => {
    await b.discard(id);
    expect(await b.staged()).toEqual([]);
    expect(await b.isStaged(id)).toBe(true);
    expect(await a.findStaged(id, sha256('of a'))).toBe(a.stagingPath(id));
  });

  it('leave nothing behind when their time is over', async () => {
    await writeFile(b.temporaryPath(id), 'cut off');
    await mkdir(a.sealedPath(id));
    expect(await b.isSealed(id)).toBe(true);
    await b.remove(id);
    expect(await readdir(folder)).toEqual([]);
  });
});
