import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Folder, makeFolder, run } from './support.ts';

const service = 'https://griffie.example.nl';

describe('griffie service bootstrap', () => {
  let folder: Folder;
  const half = (name: string): string => folder.path(`${name}.public.json`);
  const named = (...names: readonly string[]): string[] =>
    names.flatMap((name) => ['--administrator', `${name}=${half(name)}`]);
  const bootstrap = (...args: readonly string[]) => run(['service', 'bootstrap', ...args, '--json']);

  beforeAll(async () => {
    folder = makeFolder();
    for (const name of ['alice', 'bob', 'carol']) {
      const own = folder.path(`${name}.json`);
      await run(['key', 'new', '--credential', name, '--service', service, '--out', own]);
      await run(['key', 'public', '--as', own, '--out', half(name)]);
    }
  });
  afterAll(() => folder.remove());

  it('leaves two public keys for the next start, and shows both thumbprints', async () => {
    const data = folder.path('data');
    const ran = await bootstrap('--data', data, ...named('alice', 'bob'));
    expect(ran.exitCode).toBe(0);
    const file = join(data, 'keys', 'administrators.json');
    expect(ran.json()).toMatchObject({ file, administrators: [{ personId: 'alice' }, { personId: 'bob' }] });
    const { administrators } = JSON.parse(readFileSync(file, 'utf8'));
    const thumbprints = ['alice', 'bob'].map(
      (name) => JSON.parse(readFileSync(half(name), 'utf8')).thumbprint,
    );
    expect(administrators.map(({ thumbprint }: { thumbprint: string }) => thumbprint)).toEqual(thumbprints);
    const shown = await run(['service', 'bootstrap', '--data', data, ...named('alice', 'bob')]);
    for (const thumbprint of thumbprints) expect(shown.stdout).toContain(thumbprint);
  });

  it('takes the key folder of a service of its own', async () => {
    const keys = folder.path('keys');
    expect((await bootstrap('--keys', keys, ...named('alice', 'bob'))).exitCode).toBe(0);
    expect(existsSync(join(keys, 'administrators.json'))).toBe(true);
  });

  it.each<[string, () => string[]]>([
    ['nobody', () => ['--keys', folder.path('none')]],
    ['no folder', () => named('alice', 'bob')],
    ['two folders', () => ['--keys', 'a', '--data', 'b', ...named('alice', 'bob')]],
    ['one person twice', () => ['--keys', folder.path('none'), ...named('alice', 'alice')]],
    ['three people', () => ['--keys', folder.path('none'), ...named('alice', 'bob', 'carol')]],
    [
      'one key under two names',
      () => ['--keys', folder.path('none'), ...named('alice'), '--administrator', `bob=${half('alice')}`],
    ],
    ['no name', () => ['--keys', folder.path('none'), '--administrator', half('alice')]],
    [
      'a credential file',
      () => ['--keys', folder.path('none'), '--administrator', `alice=${folder.path('alice.json')}`],
    ],
  ])('is refused with %s, and leaves nothing', async (_, args) => {
    expect((await bootstrap(...args())).exitCode).toBe(2);
    expect(existsSync(folder.path('none'))).toBe(false);
  });
});
