import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '#shared/runtime';
import { benches } from '../bench/benches.ts';
import { renderDocument } from '../bench/document/render.ts';
import { readResults, resultsPath } from '../bench/results.ts';

const folder = dirname(resultsPath);
const read = (path: string): string => readFileSync(path, 'utf8');

describe('docs/benchmarks.md', () => {
  it('shows the figures of results.json and no others: `npm run bench:docs` makes it', async () => {
    const text = read(join(packageRoot, 'docs', 'benchmarks.md'));
    const { runs, quick } = await readResults(resultsPath);
    const { markdown, plots } = renderDocument(text, runs);
    expect(quick).toBe(false);
    expect(text).toBe(markdown);
    const files = readdirSync(folder).filter((name) => name.endsWith('.svg'));
    expect(files.sort()).toEqual([...plots.keys()].sort());
    for (const [name, svg] of plots) expect(read(join(folder, name))).toBe(svg);
  });

  it('quotes no benchmark that is not there', async () => {
    const { runs } = await readResults(resultsPath);
    const names = benches.map(({ name }) => name);
    expect(runs.map(({ name }) => name).filter((name) => !names.includes(name))).toEqual([]);
  });
});
