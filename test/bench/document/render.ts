import type { BenchSeries } from '../bench.ts';
import type { Run } from '../results.ts';
import { chartSvg } from './chart.ts';
import { tableMarkdown } from './tables.ts';

/*
 * docs/benchmarks.md is text by people with figures by machine: what stands between
 * `<!-- figures: NAME -->` and `<!-- end of figures -->` is made from the results and never edited.
 */

export interface Rendered {
  readonly markdown: string;
  /** File name and SVG of every plot. */
  readonly plots: ReadonlyMap<string, string>;
}

const section = /<!-- figures: (\S+) -->\n(?:[\s\S]*?)<!-- end of figures -->/g;

/** @throws where a benchmark has figures and no place in the text, a place and no figures, or two places */
export function renderDocument(markdown: string, runs: readonly Run[]): Rendered {
  const left = new Map(runs.map((run) => [run.name, run]));
  const plots = new Map<string, string>();
  const rendered = markdown.replace(section, (_, name: string) => {
    const run = left.get(name);
    if (run === undefined) throw new Error(`the text has a place for ${name} that has no figures left`);
    left.delete(name);
    const pictures = chartsOf(run).map(({ file, title, svg }) => {
      plots.set(file, svg);
      return `![${title}](benchmarks/${file})`;
    });
    const parts = [tableMarkdown(run.rows), ...pictures, provenance(run)];
    return `<!-- figures: ${name} -->\n\n${parts.join('\n\n')}\n\n<!-- end of figures -->`;
  });
  if (left.size > 0) throw new Error(`the text has no place for ${[...left.keys()].join(', ')}`);
  return { markdown: rendered, plots };
}

function chartsOf(run: Run): { file: string; title: string; svg: string }[] {
  const byTitle = new Map<string, BenchSeries[]>();
  for (const series of run.series ?? []) {
    const title = series.plot ?? run.title;
    byTitle.set(title, [...(byTitle.get(title) ?? []), series]);
  }
  return [...byTitle].map(([title, series]) => {
    const kinds = new Set(series.map(({ unit, xLabel }) => `${unit} by ${xLabel}`));
    if (kinds.size > 1) throw new Error(`one plot cannot show ${[...kinds].join(' and ')}: ${title}`);
    return { file: `${run.name}-${slug(title)}.svg`, title, svg: chartSvg({ title, series }) };
  });
}

function slug(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

function provenance({ at, command, machine, load, rounds, notes }: Run): string {
  const { node, processor, cores, memoryBytes } = machine;
  const where = `${cores} cores (${processor}), ${Math.round(memoryBytes / 2 ** 30)} GiB, Node ${node.replace('v', '')}`;
  const after = load.after === undefined ? '' : ` and ${load.after.toFixed(1)} after`;
  const busy = `load ${load.before.toFixed(1)} before${after}`;
  const how = `${rounds} round${rounds === 1 ? '' : 's'}`;
  return [`\`${command}\`, ${at.slice(0, 10)}: ${where}, ${busy}; ${how}.`, ...notes.map(sentence)].join(' ');
}

/** Notes are halves of sentences: they begin small and have no end. */
function sentence(note: string): string {
  return `${note.charAt(0).toUpperCase()}${note.slice(1)}.`;
}
