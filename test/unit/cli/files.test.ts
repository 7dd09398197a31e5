import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readBounded } from '../../../services/cli/files.ts';

describe('a file is read whole, up to its bound', () => {
  const folder = mkdtempSync(join(tmpdir(), 'griffie-files-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');

  it.each([0, 1, 65_536, 65_537, 300_000])('%i bytes', async (length) => {
    const bytes = Buffer.alloc(length, 'griffie');
    writeFileSync(path, bytes);
    expect((await readBounded(path, length)).equals(bytes)).toBe(true);
    expect((await readBounded(path, 2 ** 30)).equals(bytes)).toBe(true);
    if (length > 0)
      await expect(readBounded(path, length - 1)).rejects.toMatchObject({ code: 'file.too_large' });
  });

  it('that is a pipe', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const bytes = Buffer.alloc(200_000, 'griffie');
    const [read] = await Promise.all([readBounded(pipe, bytes.length), writeFile(pipe, bytes)]);
    expect(read.equals(bytes)).toBe(true);
  });

  it('that is a folder', async () => {
    await expect(readBounded(folder, 1)).rejects.toMatchObject({ code: 'file.is_folder' });
  });
});
