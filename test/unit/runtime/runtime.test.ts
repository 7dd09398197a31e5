import { mkdtemp, readdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogger, Mutex, parseStrictJson, writeFileDurably } from '#shared/runtime';

const parse = (text: string) => parseStrictJson(Buffer.from(text));

describe('strict JSON', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parse(JSON.stringify(value))).toEqual({ ok: true, value: JSON.parse(JSON.stringify(value)) });
      }),
    );
  });

  it.each([
    ['{"a":1,"a":2}', 'duplicate_member'],
    ['{"a":{"b":1,"\\u0062":2}}', 'duplicate_member'],
    ['[{"x" : 1, "x"\n:2}]', 'duplicate_member'],
    [`${'['.repeat(33)}${']'.repeat(33)}`, 'too_deep'],
    ['{"a":1', 'malformed'],
    ['\ufeff{}', 'malformed'],
  ])('refuses %s', (text, reason) => expect(parse(text)).toEqual({ ok: false, reason }));

  it('does not take a value for a name', () => {
    expect(parse('["a","a",{"a":"a"}]').ok).toBe(true);
    expect(parse('{"a":"b\\":","c":1}').ok).toBe(true);
  });

  it('refuses bytes that are no UTF-8', () => {
    expect(parseStrictJson(Buffer.from([0x22, 0xc3, 0x28, 0x22]))).toEqual({ ok: false, reason: 'not_utf8' });
  });
});

describe('the log', () => {
  it('drops every member that is not on its list', () => {
    const lines: string[] = [];
    const logger = createLogger('test', (line) => lines.push(line));
    const members = {
      code: 'x',
      count: 1,
      senderAddress: 'alice@example.nl',
      error: new Error('bob@example.nl'),
    };
    logger.error(members, 'failed');
    logger.warn({ reason: { deep: 'carol@example.nl' } } as never, 'failed');
    expect(lines.join('')).not.toMatch(/alice|bob|carol/);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ service: 'test', code: 'x', count: 1, msg: 'failed' });
  });
});

it('a mutex runs tasks in order, and a failure is its caller’s alone', async () => {
  const mutex = new Mutex();
  const done: number[] = [];
  const results = await Promise.allSettled(
    [30, 1, 10].map((ms, i) =>
      mutex.run(async () => {
        await new Promise((resolve) => setTimeout(resolve, ms));
        done.push(i);
        if (i === 1) throw new Error('second');
      }),
    ),
  );
  expect(done).toEqual([0, 1, 2]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

it('a file is replaced whole, for its own user only', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-test-'));
  const path = join(folder, 'secret');
  await writeFileDurably(path, 'one');
  await writeFileDurably(path, 'two');
  expect(await readFile(path, 'utf8')).toBe('two');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['secret']);
});
