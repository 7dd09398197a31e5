import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCosigner, createNoteSigner, generateNoteKey } from '#shared/ledger';
import { readLogs } from '../../../services/witness/logs.ts';
import { temporaryFolder } from './support.ts';

describe('the file of logs to follow', () => {
  let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeAll(async () => {
    temporary = await temporaryFolder();
  });
  afterAll(() => temporary.remove());
  const read = async (text: string) => {
    const file = join(temporary.path, 'logs.txt');
    await writeFile(file, text);
    return readLogs(file);
  };
  const logKey = (i = 0) => createNoteSigner(`log.example/${i}`, generateNoteKey()).verifier.vkey;

  it('has a key a line, whatever characters it is written with, and comments', async () => {
    // Of fifty keys, about half have a plus sign in their base64.
    const keys = Array.from({ length: 50 }, (_, i) => logKey(i));
    expect(keys.some((key) => /\+.*\+.*\+/.test(key))).toBe(true);
    const text = `# followed\n\n${keys.join('\n')}  \r\n`;
    expect((await read(text)).map(({ vkey }) => vkey)).toEqual(keys);
  });

  it.each([
    ['nothing', '# none\n', '1 to 64'],
    ['a witness’s key', createCosigner('w.example', generateNoteKey()).verifier.vkey, 'line 1'],
    ['something else', `${logKey()}\nlog.example`, 'line 2'],
    ['too many', Array.from({ length: 65 }, (_, i) => logKey(i)).join('\n'), '1 to 64'],
  ])('with %s is refused, and where is told', async (_, text, hint) => {
    const error = await read(text).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'config.witness_logs', message: expect.stringContaining(hint) });
  });
});
