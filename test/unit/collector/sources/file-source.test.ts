import { randomBytes } from 'node:crypto';
import {
  appendFile,
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFileSource, type Gap, type LineSource } from '../../../../services/collector/sources/index.ts';

const settleMs = 30;
const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
let folder: string;
let path: string;
let opened: LineSource[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'griffie-file-'));
  path = join(folder, 'mail.log');
});
afterEach(async () => {
  await Promise.all(opened.map((source) => source.close()));
  opened = [];
  await rm(folder, { recursive: true, force: true });
});

interface Reading {
  texts: string[];
  positions: string[];
  gaps: Gap[];
  resume: unknown;
}

async function openSource(resume?: unknown, from: 'beginning' | 'end' = 'beginning') {
  const source = createFileSource({ path, from, pollMs: 3, settleMs });
  opened.push(source);
  const start = JSON.parse(JSON.stringify(await source.open(resume)));
  return { source, start };
}

/** Reads until nothing has come for `quiet` reads. */
async function drain(source: LineSource, maxLines = 1000, quiet = 25): Promise<Reading> {
  const reading: Reading = { texts: [], positions: [], gaps: [], resume: undefined };
  const { signal } = new AbortController();
  for (let empty = 0; empty < quiet; ) {
    const batch = await source.read(maxLines, signal);
    empty = batch.lines.length + batch.gaps.length === 0 ? empty + 1 : 0;
    reading.texts.push(...batch.lines.map((line) => line.text));
    reading.positions.push(...batch.lines.map((line) => line.position));
    reading.gaps.push(...batch.gaps);
    reading.resume = JSON.parse(JSON.stringify(batch.resume));
  }
  return reading;
}

/** Lines that no other file begins with, as log lines with their times are. */
let written = 0;
const lines = (count: number): string[] =>
  Array.from({ length: count }, () => `line ${++written} ${randomBytes(6).toString('hex')}`);
const append = (texts: readonly string[], to = path) =>
  appendFile(to, texts.map((text) => `${text}\n`).join(''));

describe('a followed file', () => {
  it('is read from its beginning, and then as it grows', async () => {
    const first = lines(3);
    await append(first);
    const { source } = await openSource();
    expect((await drain(source)).texts).toEqual(first);
    const second = lines(2);
    await append(second);
    expect((await drain(source)).texts).toEqual(second);
    expect(source.progress()).toEqual({ state: 'following', lagBytes: 0 });
  });

  it('is read from its end, beginning with a whole line', async () => {
    await append(lines(3));
    await appendFile(path, 'half a ');
    const { source } = await openSource(undefined, 'end');
    await appendFile(path, 'line\n');
    const more = lines(1);
    await append(more);
    expect((await drain(source)).texts).toEqual(['half a line', ...more]);
  });

  it('read from its end, goes on at that end after a kill before the first line', async () => {
    await append(lines(3));
    const { start } = await openSource(undefined, 'end');
    const missed = lines(2);
    await append(missed);
    const { source } = await openSource(start, 'end');
    expect((await drain(source)).texts).toEqual(missed);
  });

  it('may appear late, and is then read whole, also when the end was asked for', async () => {
    const { source } = await openSource(undefined, 'end');
    expect((await drain(source)).texts).toEqual([]);
    expect(source.progress().state).toBe('waiting');
    const first = lines(2);
    await append(first);
    expect((await drain(source)).texts).toEqual(first);
  });

  it('gives a line only with its newline', async () => {
    await appendFile(path, 'one\ntw');
    const { source } = await openSource();
    expect((await drain(source)).texts).toEqual(['one']);
    await appendFile(path, 'o\n');
    expect(await drain(source)).toMatchObject({ texts: ['two'], positions: ['1:4'] });
  });

  it('gives the same positions whatever the batch and wherever reading stopped', async () => {
    await append(lines(40));
    const whole = await drain((await openSource()).source);
    for (const maxLines of [1, 7, 40]) {
      const { source } = await openSource();
      const { signal } = new AbortController();
      const first = await source.read(maxLines, signal);
      const rest = await drain((await openSource(JSON.parse(JSON.stringify(first.resume)))).source, maxLines);
      expect([...first.lines.map((line) => line.position), ...rest.positions]).toEqual(whole.positions);
    }
  });

  it('passes over a line that is too long, and says where', async () => {
    await append(['before', 'x'.repeat(700_000), 'after']);
    const { source } = await openSource();
    const { signal } = new AbortController();
    const seen = [];
    for (let i = 0; i < 5; i++) seen.push(...(await source.read(10, signal)).lines);
    expect(seen).toEqual([
      { position: '1:0', text: 'before' },
      { position: '1:7', text: '', problem: 'line.too_long' },
      { position: '1:700008', text: 'after' },
    ]);
  });

  it('marks a line that is no UTF-8, and keeps what can be read of it', async () => {
    await writeFile(path, Buffer.concat([Buffer.from('ok é\na'), Buffer.from([0xe9]), Buffer.from('b\r\n')]));
    const { source } = await openSource();
    expect((await source.read(10, new AbortController().signal)).lines).toEqual([
      { position: '1:0', text: 'ok é' },
      { position: '1:6', text: 'a\ufffdb', problem: 'line.not_utf8' },
    ]);
  });

  it('ends its reading at once when the signal is raised', async () => {
    await append(lines(1));
    const source = createFileSource({ path, from: 'beginning', pollMs: 60_000, settleMs });
    opened.push(source);
    await source.open(undefined);
    const abort = new AbortController();
    await source.read(10, abort.signal);
    const waiting = source.read(10, abort.signal);
    abort.abort();
    expect((await waiting).lines).toEqual([]);
  });

  it('must be a file', async () => {
    await mkdir(path);
    const source = createFileSource({ path, from: 'beginning' });
    await expect(source.open(undefined)).rejects.toMatchObject({ code: 'SOURCE_NOT_A_FILE' });
  });

  it('refuses a checkpoint that is not one of a file', async () => {
    const source = createFileSource({ path, from: 'beginning' });
    await expect(source.open({ cursor: 'x' })).rejects.toMatchObject({ code: 'SOURCE_RESUME_UNKNOWN' });
  });
});

describe('rotation by renaming, while it is followed', () => {
  it('reads what is still written to the renamed file before its successor', async () => {
    const [first, late, next] = [lines(2), lines(2), lines(2)];
    await append(first);
    const { source } = await openSource();
    await drain(source);
    await rename(path, `${path}.1`);
    await append(late, `${path}.1`);
    expect((await drain(source)).texts).toEqual(late);
    await append(next);
    const after = await drain(source);
    expect(after.texts).toEqual(next);
    expect(after.positions[0]).toBe('2:0');
    expect(after.gaps).toEqual([]);
  });

  it('stays with the renamed file while its successor is empty', async () => {
    await append(lines(1));
    const { source } = await openSource();
    await drain(source);
    await rename(path, `${path}.1`);
    await writeFile(path, '');
    await drain(source);
    const late = lines(1);
    await append(late, `${path}.1`);
    expect((await drain(source)).texts).toEqual(late);
  });

  it('delivers an unfinished last line once its writer has gone over', async () => {
    await appendFile(path, 'one\nunfinished');
    const { source } = await openSource();
    expect((await drain(source)).texts).toEqual(['one']);
    await rename(path, `${path}.1`);
    expect((await drain(source)).texts).toEqual([]);
    const next = lines(1);
    await append(next);
    expect(await drain(source)).toMatchObject({ texts: ['unfinished', ...next], positions: ['1:4', '2:0'] });
  });

  it('reads files that came and were rotated while nobody read, each once and in order', async () => {
    const [a, b, c] = [lines(2), lines(2), lines(2)];
    await append(a);
    const { source } = await openSource();
    await drain(source);
    await rename(path, `${path}.1`);
    await append(b);
    await rename(`${path}.1`, `${path}.2`);
    await rename(path, `${path}.1`);
    await append(c);
    const reading = await drain(source);
    expect(reading.texts).toEqual([...b, ...c]);
    expect(reading.positions.map((position) => position.split(':')[0])).toEqual(['2', '2', '3', '3']);
  });
});

describe('rotation by copying and cutting, while it is followed', () => {
  it('reads the unread rest from the copy', async () => {
    const [first, rest, next] = [lines(2), lines(3), lines(1)];
    await append(first);
    const { source } = await openSource();
    await drain(source);
    await append(rest);
    await copyFile(path, `${path}.1`);
    await truncate(path, 0);
    await append(next);
    const reading = await drain(source);
    expect(reading.texts).toEqual([...rest, ...next]);
    expect(reading.gaps).toEqual([]);
    expect(reading.positions.at(-1)).toBe('2:0');
  });

  it('sees the cut also when the file has grown past where it was read', async () => {
    await append(lines(2));
    const { source } = await openSource();
    await drain(source);
    await copyFile(path, `${path}.1`);
    await truncate(path, 0);
    const next = lines(50);
    await append(next);
    expect((await drain(source)).texts).toEqual(next);
  });

  it('reports a cut without a copy as a gap, and reads on', async () => {
    await append(lines(2));
    const { source } = await openSource();
    const before = await drain(source);
    await truncate(path, 0);
    const next = lines(1);
    await append(next);
    const reading = await drain(source);
    expect(reading.texts).toEqual(next);
    const { offset } = before.resume as { offset: number };
    expect(reading.gaps).toEqual([{ kind: 'truncated', position: `1:${offset}` }]);
  });

  it('reads on behind what a crash of the host left of the file, and gives no line twice', async () => {
    await append(lines(100));
    const { source } = await openSource();
    const before = await drain(source);
    await truncate(path, 1500);
    const again = await openSource(before.resume);
    const next = lines(1);
    await append(next);
    const reading = await drain(again.source);
    expect(reading.texts).toEqual(next);
    expect(reading.gaps).toHaveLength(1);
    expect(reading.positions).toEqual(['2:1500']);
  });
});

describe('what happened while nobody read', () => {
  async function stoppedAfter(first: readonly string[]): Promise<unknown> {
    await append(first);
    const { source } = await openSource();
    const { resume } = await drain(source);
    await source.close();
    return resume;
  }

  for (const [name, compress] of [
    ['mail.log.1', false],
    ['mail.log.1.gz', true],
    ['mail.log-20261122', false],
    ['mail.log-20261122.gz', true],
    ['mail.log.20261122-153000', false],
    ['mail-20261122.log', false],
  ] as const) {
    it(`a file that became ${name} is read to its end before the new one`, async () => {
      const resume = await stoppedAfter(lines(60));
      const [rest, next] = [lines(3), lines(2)];
      await append(rest);
      const rotated = join(folder, name);
      if (compress) {
        await writeFile(rotated, gzipSync(await readFile(path)));
        const old = new Date(Date.now() - 60_000);
        await utimes(rotated, old, old);
        await rm(path);
      } else {
        await rename(path, rotated);
      }
      await append(next);
      const reading = await drain((await openSource(resume)).source);
      expect(reading.texts).toEqual([...rest, ...next]);
      expect(reading.gaps).toEqual([]);
      expect(reading.positions.slice(-2)[0]).toBe('2:0');
    });
  }

  it('several rotations are all read, in order, also compressed ones', async () => {
    const resume = await stoppedAfter(lines(5));
    const parts = [lines(2), lines(3), lines(2), lines(1)] as const;
    await append(parts[0]);
    await rename(path, `${path}.3`);
    await append(parts[1]);
    const time = new Date();
    await writeFile(`${path}.2.gz`, gzipSync(await readFile(path)));
    await rm(path);
    await utimes(`${path}.2.gz`, time, time);
    await append(parts[2]);
    await rename(path, `${path}.1`);
    await append(parts[3]);
    const reading = await drain((await openSource(resume)).source);
    expect(reading.texts).toEqual(parts.flat());
    expect(reading.gaps).toEqual([]);
  });

  it('a copy and a cut: the rest is read from the copy', async () => {
    const resume = await stoppedAfter(lines(3));
    const [rest, next] = [lines(3), lines(40)];
    await append(rest);
    await copyFile(path, `${path}.1`);
    await truncate(path, 0);
    await append(next);
    const reading = await drain((await openSource(resume)).source);
    expect(reading.texts).toEqual([...rest, ...next]);
    expect(reading.gaps).toEqual([]);
  });

  it('a file that is gone is a gap; what was rotated later is read', async () => {
    const resume = await stoppedAfter(lines(3));
    await append(lines(2));
    await rm(path);
    const [later, now] = [lines(2), lines(1)];
    await append(later);
    await rename(path, `${path}.1`);
    await append(now);
    const reading = await drain((await openSource(resume)).source);
    expect(reading.texts).toEqual([...later, ...now]);
    expect(reading.gaps).toEqual([{ kind: 'lost', position: reading.gaps[0]?.position }]);
    expect(reading.positions).toEqual(expect.arrayContaining(['2:0', '3:0']));
  });

  it('a gap that was found is found once', async () => {
    const resume = await stoppedAfter(lines(3));
    await rm(path);
    const first = await drain((await openSource(resume)).source);
    expect(first.gaps).toHaveLength(1);
    expect((await drain((await openSource(first.resume)).source)).gaps).toEqual([]);
  });

  it('files that were rotated before the first start are not read, even when they are compressed later', async () => {
    await append(lines(30), `${path}.1`);
    const resume = await stoppedAfter(lines(3));
    await writeFile(`${path}.2.gz`, gzipSync(await readFile(`${path}.1`)));
    await rename(path, `${path}.1`);
    const next = lines(1);
    await append(next);
    const soon = new Date(Date.now() + 1000 - 60_000);
    await utimes(path, new Date(), new Date());
    await utimes(`${path}.1`, soon, soon);
    expect((await drain((await openSource(resume)).source)).texts).toEqual(next);
  });

  it('a file that was put back by a copy of itself goes on where it was', async () => {
    const resume = await stoppedAfter(lines(3));
    await copyFile(path, join(folder, 'edited'));
    await rename(join(folder, 'edited'), path);
    const next = lines(1);
    await append(next);
    const reading = await drain((await openSource(resume)).source);
    expect(reading).toMatchObject({ texts: next, gaps: [] });
    expect(reading.positions[0]?.startsWith('1:')).toBe(true);
  });

  it('a rotated file without the right to read it is a fault, not a gap', async () => {
    const resume = await stoppedAfter(lines(3));
    await rename(path, `${path}.1`);
    await chmod(`${path}.1`, 0);
    await append(lines(1));
    await chmod(folder, 0o755);
    await chmod(path, 0o644);
    const source = createFileSource({ path, from: 'beginning' });
    // Root may read everything, so that it is somebody else for a moment.
    if (isRoot) process.seteuid?.(nobody);
    try {
      await expect(source.open(resume)).rejects.toMatchObject({ code: 'EACCES' });
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it('a path that is a link is followed', async () => {
    const real = join(folder, 'real');
    const first = lines(2);
    await append(first, real);
    await symlink(real, path);
    expect((await drain((await openSource()).source)).texts).toEqual(first);
  });
});
