import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { row } from '../../bench/bench.ts';
import { chartSvg } from '../../bench/document/chart.ts';
import { renderDocument } from '../../bench/document/render.ts';
import { scaleFor } from '../../bench/document/scale.ts';
import { tableMarkdown } from '../../bench/document/tables.ts';
import { mergeResults, type Run } from '../../bench/results.ts';

const machine = { node: 'v20.19.0', processor: 'A processor', cores: 2, memoryBytes: 2 ** 34 };
const growth = (name: string, unit = 'ms', xLabel = 'events') => ({
  ...{ name, unit, xLabel },
  points: [
    { x: 1e4, y: 3 },
    { x: 1e6, y: 4.5 },
  ],
});
const runOf = (name: string, more: Partial<Run> = {}): Run => ({
  ...{ name, title: `Title of ${name}`, at: '2026-11-28T12:00:00.000Z', command: `npm run bench -- ${name}` },
  ...{ machine, load: { before: 0.11, after: 2 }, rounds: 3, seconds: 9 },
  rows: [row('speed', 'events/s', [1000, 2000, 3000])],
  notes: ['one core'],
  ...more,
});
const place = (name: string, inside = '') => `<!-- figures: ${name} -->\n${inside}<!-- end of figures -->`;

describe('the page of benchmarks', () => {
  it('keeps the text of people and replaces what is between the marks', () => {
    const { markdown } = renderDocument(`Before.\n${place('a', 'old\n')}\nAfter.`, [runOf('a')]);
    expect(markdown).toBe(`Before.
<!-- figures: a -->

|  | median | min | max |
| --- | ---: | ---: | ---: |
| speed, events/s | 2,000 | 1,000 | 3,000 |

\`npm run bench -- a\`, 2026-11-28: 2 cores (A processor), 16 GiB, Node 20.19.0, load 0.1 before and 2.0 after; 3 rounds. One core.

<!-- end of figures -->
After.`);
  });

  it('rendering what was rendered changes nothing', () => {
    const runs = [runOf('a', { series: [growth('x')] }), runOf('b')];
    const once = renderDocument(`${place('a')}\ntext\n${place('b')}`, runs);
    expect(renderDocument(once.markdown, runs)).toEqual(once);
  });

  it('is refused where figures and places do not match', () => {
    expect(() => renderDocument('', [runOf('a')])).toThrow('no place for a');
    expect(() => renderDocument(place('a'), [])).toThrow('place for a that has no figures');
    expect(() => renderDocument(`${place('a')}${place('a')}`, [runOf('a')])).toThrow('no figures left');
  });

  it('series of one title are one plot, and cannot be so in different units', () => {
    const series = [growth('rare'), growth('frequent'), { ...growth('memory', 'MB'), plot: 'Memory' }];
    const { plots, markdown } = renderDocument(place('a'), [runOf('a', { series })]);
    expect([...plots.keys()]).toEqual(['a-title-of-a.svg', 'a-memory.svg']);
    expect(markdown).toContain('![Memory](benchmarks/a-memory.svg)');
    const mixed = [growth('rare'), growth('memory', 'MB')];
    expect(() => renderDocument(place('a'), [runOf('a', { series: mixed })])).toThrow('one plot cannot show');
  });
});

describe('a table', () => {
  it('has a column for each program that is compared', () => {
    const figure = (program: string, values: number[]) => ({ ...row('lookup', 'ms', values), program });
    const size = { ...row('size', 'MB', [7]), program: 'ours' };
    expect(tableMarkdown([figure('ours', [1, 2, 3]), figure('theirs', [9]), size])).toBe(
      '|  | ours | theirs |\n| --- | ---: | ---: |\n| lookup, ms | 2 (1 to 3) | 9 |\n| size, MB | 7 |  |',
    );
  });

  it('says in bold what is not reached', () => {
    const rows = [{ ...row('lookup', 'ms', [60]), requirement: { text: 'under 50 ms', met: false } }];
    expect(tableMarkdown(rows)).toContain('| **under 50 ms: not reached** |');
  });
});

describe('the scale of an axis', () => {
  it('has everything within it, ticks in order, and names few', () => {
    const values = fc.array(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(values, (values) => {
        const { at, ticks } = scaleFor(values);
        for (const value of values) {
          expect(at(value)).toBeGreaterThanOrEqual(-1e-9);
          expect(at(value)).toBeLessThanOrEqual(1 + 1e-9);
        }
        expect(ticks.map(at)).toEqual(ticks.map(at).toSorted((a, b) => a - b));
        expect(ticks.length).toBeGreaterThan(1);
      }),
    );
  });

  it('is logarithmic over orders of magnitude, else from zero', () => {
    expect(scaleFor([1e4, 1e8]).ticks).toEqual([1e4, 1e5, 1e6, 1e7, 1e8]);
    expect(scaleFor([88, 103]).ticks).toEqual([0, 50, 100, 150]);
    expect(scaleFor([0, 1e6]).ticks[0]).toBe(0);
  });
});

describe('a plot', () => {
  it('tells its figures in words, and marks up no text', () => {
    const svg = chartSvg({ title: 'Less < more & "so"', series: [growth('rare <b>')] });
    expect(svg).toContain('<title>Less &lt; more &amp; &quot;so&quot;</title>');
    expect(svg).toContain('<desc>rare &lt;b&gt;: 3 ms at 10,000 events, 4.5 ms at 1 million events.</desc>');
    expect(svg).not.toMatch(/<b>|NaN|Infinity/);
  });

  it('is refused where lines could not be told apart', () => {
    const series = Array.from({ length: 7 }, (_, n) => growth(`line ${n}`));
    expect(() => chartSvg({ title: 'Many', series })).toThrow('no more than 6');
  });
});

describe('quoted results', () => {
  const results = (runs: Run[], quick = false) => ({
    ...{ format: 'griffie-bench/1' as const, quick, runs, without: [] },
  });

  it('are the later run of each benchmark, in the order of the benchmarks', () => {
    const [old, late] = [runOf('a', { at: '2026-11-22T12:00:00.000Z' }), runOf('a')];
    const merged = mergeResults([results([runOf('b'), late]), results([old])], ['a', 'b']);
    expect(merged.runs).toEqual([late, runOf('b')]);
  });

  it('are never those of a quick run', () => {
    expect(() => mergeResults([results([], true)], [])).toThrow('quick');
  });
});
