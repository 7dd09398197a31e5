import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

interface Import {
  readonly file: string;
  /** The first two folders of the importing file: `services/collector`. */
  readonly from: string;
  readonly specifier: string;
  /** The same of what is imported, `node:…` or the package's name. */
  readonly to: string;
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

const unitOf = (path: string): string => path.split('/').slice(0, 2).join('/');

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^'";]*?from '([^']+)'|import\('([^']+)'\)|import '([^']+)'/g,
  );
  return [...found].map(([, a, b, c]) => {
    const specifier = a ?? b ?? c ?? '';
    const target = specifier.startsWith('.')
      ? unitOf(relative(root, resolve(root, dirname(file), specifier)))
      : specifier.startsWith('#')
        ? unitOf(specifier.slice(1))
        : specifier.startsWith('node:')
          ? specifier
          : specifier
              .split('/')
              .slice(0, specifier.startsWith('@') ? 2 : 1)
              .join('/');
    return { file, from: unitOf(file), specifier, to: target };
  });
}

const imports = [...sources('services'), ...sources('shared')].flatMap(importsOf);
const broken = (rule: (i: Import) => boolean): string[] =>
  imports.filter(rule).map(({ file, specifier }) => `${file} imports ${specifier}`);

/** They compose services; every other service knows shared/ alone. */
const compositionRoots = ['services/standalone', 'services/cli'];
/** Pure rules: the same arguments give the same answer, whatever the machine. */
const pure = [
  'shared/traffic',
  'shared/orders',
  'shared/ledger',
  'shared/control',
  'shared/timestamp',
  'shared/der',
];
const pureModules = ['node:crypto', 'node:url', 'node:net', 'node:util', 'node:buffer'];

describe('imports go in one direction', () => {
  it('finds the imports at all', () => {
    expect(imports.length).toBeGreaterThan(300);
    expect(
      imports.some(({ from, to }) => from === 'services/standalone' && to === 'services/collector'),
    ).toBe(true);
  });

  it('a service imports no other service, unless it composes them', () => {
    expect(
      broken(
        ({ from, to }) =>
          from.startsWith('services/') &&
          to.startsWith('services/') &&
          from !== to &&
          !compositionRoots.includes(from),
      ),
    ).toEqual([]);
  });

  it('nothing imports a composition root but the command line', () => {
    expect(
      broken(({ from, to }) => compositionRoots.includes(to) && from !== to && from !== 'services/cli'),
    ).toEqual([]);
  });

  it('shared/ imports no service', () => {
    expect(broken(({ from, to }) => from.startsWith('shared/') && to.startsWith('services/'))).toEqual([]);
  });

  it('nothing under services/ or shared/ imports tests', () => {
    expect(broken(({ to }) => to.startsWith('test/'))).toEqual([]);
  });

  it('another folder is reached by its public face only', () => {
    expect(broken(({ from, to, specifier }) => specifier.startsWith('.') && from !== to)).toEqual([]);
  });

  it('traffic, orders, ledger and control import no I/O', () => {
    expect(
      broken(({ from, to }) => pure.includes(from) && to.startsWith('node:') && !pureModules.includes(to)),
    ).toEqual([]);
    const withIo = ['shared/store', 'shared/bus', 'shared/ledger-storage', 'shared/disclosure-package'];
    expect(broken(({ from, to }) => pure.includes(from) && withIo.includes(to))).toEqual([]);
  });

  it('only main.ts files touch the process', () => {
    // The engine takes keys from the environment of its own process, or from a file: this hands them over.
    const exceptions = ['shared/store/embedded/engine-environment.ts'];
    const touching = [...sources('services'), ...sources('shared')].filter(
      (file) =>
        !file.endsWith('/main.ts') &&
        !exceptions.includes(file) &&
        /\bprocess\.(env|argv|exit|exitCode|on|once|std\w+|cwd|kill)\b/.test(
          readFileSync(join(root, file), 'utf8'),
        ),
    );
    expect(touching).toEqual([]);
  });

  it('no circle of folders', () => {
    const edges = new Map<string, Set<string>>();
    for (const { from, to } of imports) {
      if (to.startsWith('shared/') && from !== to) edges.set(from, (edges.get(from) ?? new Set()).add(to));
    }
    const circles: string[] = [];
    const visit = (unit: string, path: readonly string[]): void => {
      if (path.includes(unit)) {
        circles.push([...path.slice(path.indexOf(unit)), unit].join(' → '));
        return;
      }
      for (const next of edges.get(unit) ?? []) visit(next, [...path, unit]);
    };
    for (const unit of edges.keys()) visit(unit, []);
    expect([...new Set(circles)]).toEqual([]);
  });
});
