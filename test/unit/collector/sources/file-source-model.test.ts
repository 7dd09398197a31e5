import { execFileSync } from 'node:child_process';
import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFileSource, type LineSource } from '../../../../services/collector/sources/index.ts';

let base: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'griffie-model-'));
});
afterAll(async () => {
  await rm(base, { recursive: true, force: true });
});

/** What a mail server, a rotation, a kill and the reader do, in any order. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('write' as const), count: fc.integer({ min: 1, max: 20 }) }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'write half' as const }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('read' as const), max: fc.integer({ min: 1, max: 15 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('commit and kill' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
  { weight: 3, arbitrary: fc.constant({ do: 'rename' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'copy and cut' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'compress' as const }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly folder: string;
  readonly path: string;
  /** Whole lines that were written. */
  readonly written: string[] = [];
  /** First text that was read at each position. */
  readonly seen = new Map<string, string>();
  #half = '';
  #count = 0;
  #source: LineSource | undefined;
  #committed: unknown;
  #pending: unknown;

  constructor(folder: string) {
    this.folder = folder;
    this.path = join(folder, 'mail.log');
  }

  async run(steps: readonly Step[]): Promise<void> {
    // What was rotated before the first start is not part of the source.
    await this.#read(1);
    for (const what of steps) await this.#step(what);
    await this.#endLine();
    for (let quiet = 0; quiet < 30; ) quiet = (await this.#read(100)) === 0 ? quiet + 1 : 0;
    await this.#source?.close();
  }

  async #step(what: Step): Promise<void> {
    switch (what.do) {
      case 'write':
        for (let i = 0; i < what.count; i++) await this.#line();
        return;
      case 'write half':
        if (this.#half !== '') return;
        this.#half = this.#text();
        await appendFile(this.path, this.#half);
        return;
      case 'read':
        await this.#read(what.max);
        return;
      case 'commit and kill':
        this.#committed = this.#pending;
        return this.#kill();
      case 'kill':
        return this.#kill();
      case 'rename':
        await this.#endLine();
        await this.#shift();
        await rename(this.path, `${this.path}.1`);
        return this.#line();
      case 'copy and cut':
        await this.#endLine();
        await this.#shift();
        await copyFile(this.path, `${this.path}.1`);
        await truncate(this.path, 0);
        return this.#line();
      case 'compress':
        return this.#compress();
    }
  }

  #text(): string {
    return `${String(this.#count++).padStart(6, '0')} ${'x'.repeat(this.#count % 90)}`;
  }

  async #line(): Promise<void> {
    await this.#endLine();
    const text = this.#text();
    await appendFile(this.path, `${text}\n`);
    this.written.push(text);
  }

  async #endLine(): Promise<void> {
    if (this.#half === '') return;
    await appendFile(this.path, '\n');
    this.written.push(this.#half);
    this.#half = '';
  }

  async #shift(): Promise<void> {
    if ((await readdir(this.folder)).length === 0) await this.#line();
    for (let number = 30; number >= 1; number--) {
      for (const suffix of ['', '.gz']) {
        const from = `${this.path}.${number}${suffix}`;
        if (await exists(from)) await rename(from, `${this.path}.${number + 1}${suffix}`);
      }
    }
  }

  async #compress(): Promise<void> {
    const plain = `${this.path}.1`;
    if (!(await exists(plain))) return;
    await writeFile(`${plain}.gz`, gzipSync(await readFile(plain)));
    // With all digits of the time, as gzip does and utimes() of Node does not.
    execFileSync('touch', ['-r', plain, `${plain}.gz`]);
    await rm(plain);
  }

  async #kill(): Promise<void> {
    await this.#source?.close();
    this.#source = undefined;
    this.#pending = this.#committed;
  }

  async #read(max: number): Promise<number> {
    if (this.#source === undefined) {
      this.#source = createFileSource({ path: this.path, from: 'beginning', pollMs: 1, settleMs: 4 });
      const start = await this.#source.open(this.#committed);
      if (this.#committed === undefined) this.#committed = JSON.parse(JSON.stringify(start));
    }
    const batch = await this.#source.read(max, new AbortController().signal);
    expect(batch.gaps).toEqual([]);
    for (const { position, text } of batch.lines) {
      expect(this.seen.get(position) ?? text).toBe(text);
      this.seen.set(position, text);
    }
    this.#pending = JSON.parse(JSON.stringify(batch.resume));
    return batch.lines.length;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

describe('a followed file, whatever is rotated, compressed and killed in whatever order', () => {
  it('gives every line at one position, the same again after a kill, in order and without a gap', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const folder = join(base, String(run++));
        await mkdir(folder);
        const world = new World(folder);
        await appendFile(world.path, 'first line of the first file\n');
        world.written.push('first line of the first file');
        await world.run(steps);
        const inOrder = [...world.seen].sort(([a], [b]) => place(a) - place(b)).map(([, text]) => text);
        expect(inOrder).toEqual(world.written);
      }),
      { numRuns: Number(process.env.RUNS ?? 60) },
    );
  });
});

function place(position: string): number {
  const [generation = '0', offset = '0'] = position.split(':');
  return Number(generation) * 1e9 + Number(offset);
}
