import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#shared/runtime';
import { Spool, type SpoolOptions } from '../../../../services/collector/sources/webhook/spool.ts';

let folder: string;
let opened: Spool[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'griffie-spool-'));
});
afterEach(async () => {
  await Promise.all(opened.map((spool) => spool.close()));
  opened = [];
  await rm(folder, { recursive: true, force: true });
});

async function openSpool(options: Partial<SpoolOptions> = {}): Promise<Spool> {
  const spool = await Spool.open({
    folder,
    maxBytes: 1024 * 1024,
    logger: silentLogger,
    sourceId: 'test',
    ...options,
  });
  opened.push(spool);
  return spool;
}

async function reopen(spool: Spool, options: Partial<SpoolOptions> = {}): Promise<Spool> {
  opened = opened.filter((each) => each !== spool);
  await spool.close();
  return openSpool(options);
}

const line = (text: string) => ({ text });
const texts = (spool: Spool, from = 0) => spool.read(from, 10_000).lines.map(({ text }) => text);
const segments = async () => (await readdir(folder)).filter((name) => name.endsWith('.segment')).sort();

describe('a spool', () => {
  it('gives lines in the order of their arrival, whole requests together, also after it was opened again', async () => {
    const spool = await openSpool();
    await Promise.all([spool.append([line('a'), line('b')]), spool.append([line('c')])]);
    await spool.append([
      { text: 'é\n"', identity: 'f'.repeat(32) },
      { text: '', problem: 'line.too_long' },
    ]);
    const before = spool.read(0, 10_000);
    expect(before.lines.map(({ text }) => text)).toEqual(['a', 'b', 'c', 'é\n"', '']);
    expect(before.lines[3]?.identity).toBe('f'.repeat(32));
    expect(before.lines[4]?.problem).toBe('line.too_long');
    const again = await reopen(spool);
    expect(again.read(0, 10_000)).toEqual(before);
    expect(again.id).toBe(spool.id);
  });

  it('is read in pieces of any size, in the middle of requests, and from any line', async () => {
    const spool = await openSpool({ maxBytes: 64 * 1024 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.string({ maxLength: 300 }), { minLength: 1, maxLength: 6 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 7 }),
        async (requests, size) => {
          const start = spool.end;
          for (const request of requests) expect(await spool.append(request.map(line))).toEqual({ ok: true });
          const found: string[] = [];
          for (let next = start; next < spool.end; ) {
            const piece = spool.read(next, size);
            expect(piece.lines.length).toBeLessThanOrEqual(size);
            expect(piece.lines[0]?.position).toBe(`${spool.id}:${next}`);
            found.push(...piece.lines.map(({ text }) => text));
            next = piece.next;
          }
          expect(found).toEqual(requests.flat());
          await spool.retire(spool.end);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('refuses what would go over its bound and keeps nothing of it; deleting what was handled makes room', async () => {
    const spool = await openSpool({ maxBytes: 64 * 1024 });
    const big = Array.from({ length: 10 }, () => line('x'.repeat(1000)));
    let taken = 0;
    while ((await spool.append(big)).ok) taken += 10;
    expect(taken).toBe(60);
    expect(spool.bytes).toBeLessThanOrEqual(64 * 1024);
    expect(spool.end).toBe(taken);
    expect(await spool.append(big)).toEqual({ ok: false, reason: 'webhook.spool_full' });
    // A small one still fits.
    expect(await spool.append([line('small')])).toEqual({ ok: true });
    await spool.retire(taken - 1);
    await spool.retire(taken - 1);
    expect(await spool.append(big)).toEqual({ ok: true });
    expect(texts(spool, taken)).toEqual(['small', ...big.map(({ text }) => text)]);
  });

  it('never gives a number twice, also when everything was handled and deleted', async () => {
    let spool = await openSpool({ segmentMs: -1 });
    const seen = new Set<string>();
    for (let round = 0; round < 6; round++) {
      await spool.append([line('a'), line('b')]);
      const { lines, next } = spool.read(round * 2, 10);
      expect(lines.length).toBe(2);
      for (const { position } of lines) seen.add(position);
      await spool.retire(next);
      await spool.retire(next);
      expect(await segments()).toEqual([`${next}.segment`]);
      if (round % 2 === 1) spool = await reopen(spool, { segmentMs: -1 });
    }
    expect(seen.size).toBe(12);
  });

  it('deletes no segment of which a line is not handled', async () => {
    const spool = await openSpool({ segmentMs: -1 });
    for (const text of ['a', 'b', 'c']) await spool.append([line(text), line(text)]);
    expect(await segments()).toEqual(['0.segment', '2.segment', '4.segment']);
    await spool.retire(3);
    expect(await segments()).toEqual(['2.segment', '4.segment']);
    expect(texts(spool, 3)).toEqual(['b', 'c', 'c']);
    expect(spool.first).toBe(2);
  });

  it('cuts off a write that a crash tore, at any byte, and goes on with the same numbers', async () => {
    const spool = await openSpool();
    await spool.append([line('kept')]);
    const whole = spool.bytes;
    await spool.append([line('torn'), line('torn')]);
    const end = spool.bytes;
    await reopen(spool).then((again) => again.close());
    opened = [];
    const path = join(folder, '0.segment');
    const bytes = await readFile(path);
    expect(bytes.length).toBe(end);
    for (let cut = whole; cut < end; cut++) {
      await writeFile(path, bytes.subarray(0, cut));
      const again = await Spool.open({ folder, maxBytes: 1e6, logger: silentLogger, sourceId: 'test' });
      expect(texts(again)).toEqual(['kept']);
      expect((await stat(path)).size).toBe(whole);
      await again.close();
    }
    await truncate(path, whole);
    // A file system may leave zeros behind.
    await appendFile(path, Buffer.alloc(5000));
    const again = await openSpool();
    await again.append([line('next')]);
    expect(again.read(0, 10).lines.map(({ text, position }) => [text, position])).toEqual([
      ['kept', `${again.id}:0`],
      ['next', `${again.id}:1`],
    ]);
  });

  it('passes over a segment that a crash left without its head', async () => {
    const spool = await openSpool();
    await spool.append([line('kept')]);
    await spool.close();
    opened = [];
    await writeFile(join(folder, '1.segment'), 'griffie-ch');
    const again = await openSpool();
    expect(texts(again)).toEqual(['kept']);
    expect(await segments()).toEqual(['0.segment']);
  });

  it('does not guess where something else than the last write is broken', async () => {
    const spool = await openSpool({ segmentMs: -1 });
    await spool.append([line('a'.repeat(50))]);
    await spool.append([line('b')]);
    await spool.close();
    opened = [];
    const path = join(folder, '0.segment');
    const bytes = await readFile(path);
    bytes[bytes.length - 10] = 0x7e;
    await writeFile(path, bytes);
    await expect(openSpool()).rejects.toMatchObject({ code: 'SOURCE_SPOOL_DAMAGED' });
    await expect(openSpool()).rejects.not.toThrow(/a{50}/);
  });

  it('is readable by its own user alone', async () => {
    await openSpool();
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, '0.segment'))).mode & 0o777).toBe(0o600);
  });

  it('gives numbers beyond a checkpoint that is past what the disk kept', async () => {
    const spool = await openSpool();
    await spool.append([line('a')]);
    await spool.skipTo(7);
    await spool.append([line('b')]);
    expect(spool.read(7, 10).lines.map(({ position }) => position)).toEqual([`${spool.id}:7`]);
    const again = await reopen(spool);
    expect(again.end).toBe(8);
  });
});
