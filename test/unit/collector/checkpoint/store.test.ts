import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Change,
  type CheckpointOptions,
  openCheckpointStore,
} from '../../../../services/collector/checkpoint/index.ts';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'griffie-checkpoint-'));
});
afterEach(async () => {
  await rm(base, { recursive: true, force: true });
});

async function read(folder: string): Promise<{ header: unknown; state: Map<string, string> }> {
  const store = await openCheckpointStore(folder);
  try {
    return { header: store.header, state: new Map(store.entries('')) };
  } finally {
    await store.close();
  }
}

type Commit = { header: unknown; changes: Change[] };

async function write(folder: string, commits: readonly Commit[], options?: CheckpointOptions): Promise<void> {
  const store = await openCheckpointStore(folder, options);
  for (const { header, changes } of commits) await store.commit(header, changes);
  await store.close();
}

function fold(commits: readonly Commit[]): { header: unknown; state: Map<string, string> } {
  const state = new Map<string, string>();
  for (const { changes } of commits) {
    for (const [key, value] of changes) {
      if (value === null) state.delete(key);
      else state.set(key, value);
    }
  }
  return { header: commits.at(-1)?.header, state };
}

const commits: Commit[] = [
  {
    header: { position: 1 },
    changes: [
      ['a', '1'],
      ['b', 'é€😀'],
    ],
  },
  {
    header: { position: 2 },
    changes: [
      ['a', null],
      ['c', ''],
    ],
  },
  {
    header: { position: 3 },
    changes: [
      ['b', '2'],
      ['d', 'x'.repeat(300)],
    ],
  },
];

describe('a checkpoint', () => {
  it('is empty in a new folder', async () => {
    expect(await read(join(base, 'new'))).toEqual({ header: undefined, state: new Map() });
  });

  it('gives back the last position and the fold of all changes', async () => {
    await write(base, commits);
    expect(await read(base)).toEqual(fold(commits));
  });

  it('gives the keys of one prefix, without it', async () => {
    await write(base, [
      {
        header: 1,
        changes: [
          ['p:a', '1'],
          ['q:a', '2'],
          ['p:b', '3'],
        ],
      },
    ]);
    const store = await openCheckpointStore(base);
    expect(new Map(store.entries('p:'))).toEqual(
      new Map([
        ['a', '1'],
        ['b', '3'],
      ]),
    );
    await store.close();
  });

  it('is readable by its own user only', async () => {
    await write(join(base, 'x'), commits, { compactAtBytes: 200 });
    expect((await stat(join(base, 'x'))).mode & 0o777).toBe(0o700);
    for (const name of await readdir(join(base, 'x'))) {
      expect((await stat(join(base, 'x', name))).mode & 0o777).toBe(0o600);
    }
  });

  it('cut off at any byte is exactly an earlier commit, and can be continued', async () => {
    await write(base, commits);
    const whole = await readFile(join(base, '0.log'));
    const seen = new Set<number>();
    for (let length = 0; length <= whole.length; length++) {
      const folder = join(base, `cut-${length}`);
      await write(folder, []);
      await writeFile(join(folder, '0.log'), whole.subarray(0, length));
      const got = await read(folder);
      const survived = (got.header as { position: number } | undefined)?.position ?? 0;
      expect(got).toEqual(fold(commits.slice(0, survived)));
      seen.add(survived);
      const more: Commit = { header: { position: 9 }, changes: [['z', '9']] };
      await write(folder, [more]);
      expect(await read(folder)).toEqual(fold([...commits.slice(0, survived), more]));
      await rm(folder, { recursive: true });
    }
    expect([...seen]).toEqual([0, 1, 2, 3]);
  });

  it('whose end the disk filled with zeros is the commit before', async () => {
    await write(base, commits);
    const whole = await readFile(join(base, '0.log'));
    await writeFile(join(base, '0.log'), Buffer.concat([whole, Buffer.alloc(5000)]));
    expect(await read(base)).toEqual(fold(commits));
  });

  it('with a changed byte anywhere but in the last commit is refused', async () => {
    await write(base, commits);
    const whole = await readFile(join(base, '0.log'));
    let lastFrame = 'griffie-checkpoint/1\n'.length;
    for (let frame = 0; frame < 2; frame++) lastFrame += 12 + whole.readUInt32BE(lastFrame);
    for (let at = 0; at < lastFrame; at++) {
      const broken = Buffer.from(whole);
      broken.writeUInt8(broken.readUInt8(at) ^ 0x41, at);
      await writeFile(join(base, '0.log'), broken);
      await expect(read(base), `byte ${at}`).rejects.toMatchObject({ code: 'CHECKPOINT_DAMAGED' });
    }
  });

  it('is compacted without a change, and leaves one pair of files', async () => {
    const many = Array.from(
      { length: 60 },
      (_, i): Commit => ({
        header: { position: i },
        changes: [
          [`k${i % 7}`, `value ${i}`],
          [`k${(i * 3) % 11}`, i % 5 === 0 ? null : 'y'.repeat(i)],
        ],
      }),
    );
    await write(base, many, { compactAtBytes: 500 });
    expect(await read(base)).toEqual(fold(many));
    const names = (await readdir(base)).sort();
    expect(names).toHaveLength(2);
    expect(names.some((name) => name.endsWith('.snapshot'))).toBe(true);
  });

  it('whose snapshot is damaged or cut is refused', async () => {
    await write(base, commits, { compactAtBytes: 200 });
    const name = (await readdir(base)).find((file) => file.endsWith('.snapshot')) ?? '';
    const whole = await readFile(join(base, name));
    for (let length = 0; length < whole.length; length++) {
      await writeFile(join(base, name), whole.subarray(0, length));
      await expect(read(base), `length ${length}`).rejects.toMatchObject({ code: 'CHECKPOINT_DAMAGED' });
    }
  });

  it('whose snapshot was taken away is refused, not taken for a new one', async () => {
    await write(base, commits, { compactAtBytes: 200 });
    const name = (await readdir(base)).find((file) => file.endsWith('.snapshot')) ?? '';
    await rm(join(base, name));
    await expect(read(base)).rejects.toMatchObject({ code: 'CHECKPOINT_DAMAGED' });
  });

  it('survives a kill between any two steps of compaction', async () => {
    const before = join(base, 'before');
    await write(before, commits);
    const old = await readFile(join(before, '0.log'));
    await write(before, [{ header: { position: 4 }, changes: [] }], { compactAtBytes: 1 });
    const snapshot = await readFile(join(before, '1.snapshot'));
    const expected = fold([...commits, { header: { position: 4 }, changes: [] }]);
    const steps: [string, Record<string, Buffer>, unknown][] = [
      ['temporary file half written', { '0.log': old, '1.tmp': snapshot.subarray(0, 30) }, fold(commits)],
      ['renamed, no new log', { '0.log': old, '1.snapshot': snapshot }, expected],
      ['new log empty', { '0.log': old, '1.snapshot': snapshot, '1.log': Buffer.alloc(0) }, expected],
    ];
    for (const [step, files, wanted] of steps) {
      const folder = join(base, step.replaceAll(' ', '-'));
      await write(folder, []);
      await rm(join(folder, '0.log'));
      for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
      expect(await read(folder), step).toEqual(wanted);
    }
  });

  it('is what a map would be, whatever is committed and however often it is opened again', async () => {
    const key = fc.constantFrom('a', 'b', 'p:a', '__proto__', 'é');
    const commit = fc.record({
      header: fc.record({ position: fc.nat() }),
      changes: fc.array(fc.tuple(key, fc.option(fc.string(), { nil: null })), { maxLength: 6 }),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(commit, { maxLength: 5 }), { maxLength: 4 }),
        fc.integer({ min: 50, max: 2_000 }),
        async (sessions, compactAtBytes) => {
          const folder = join(base, `model-${run++}`);
          for (const session of sessions) await write(folder, session, { compactAtBytes });
          expect(await read(folder)).toEqual(fold(sessions.flat()));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('rewrites little of 200,000 open states at a commit', async () => {
    const states = Array.from(
      { length: 200_000 },
      (_, i): Change => [`mx1|${i}`, `{"from":"user${i}@example.org"}`],
    );
    await write(base, [{ header: 0, changes: states }]);
    const store = await openCheckpointStore(base);
    const sizes = async () =>
      (await Promise.all((await readdir(base)).map((name) => stat(join(base, name))))).reduce(
        (sum, file) => sum + file.size,
        0,
      );
    const before = await sizes();
    for (let i = 0; i < 50; i++) await store.commit(i, [[`mx1|${i}`, null]]);
    expect((await sizes()) - before).toBeLessThan(10_000);
    let count = 0;
    for (const _ of store.entries('')) count++;
    expect(count).toBe(200_000 - 50);
    await store.close();
  });
});
