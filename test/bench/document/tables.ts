import type { BenchRow } from '../bench.ts';
import { figureText } from '../figure.ts';

const promisedTitle = 'promised';

/** A table of Markdown: a line for each figure, or a column for each program where several are compared. */
export function tableMarkdown(rows: readonly BenchRow[]): string {
  const compared = rows.filter(({ program }) => program !== undefined);
  const single = rows.filter(({ program }) => program === undefined);
  return [compared, single]
    .flatMap((part, index) => (part.length === 0 ? [] : index === 0 ? byProgram(part) : byFigure(part)))
    .join('\n\n');
}

function byFigure(rows: readonly BenchRow[]): string {
  const hasRatio = rows.some(({ ratio }) => ratio !== undefined);
  const hasPromise = rows.some(({ requirement }) => requirement !== undefined);
  const head = [
    '',
    'median',
    'min',
    'max',
    ...(hasRatio ? ['ratio'] : []),
    ...(hasPromise ? [promisedTitle] : []),
  ];
  const lines = rows.map(({ name, unit, median, min, max, ratio, requirement }) => [
    `${name}, ${unit}`,
    ...[median, min, max].map(figureText),
    ...(hasRatio ? [ratio === undefined ? '' : figureText(ratio)] : []),
    ...(hasPromise ? [requirement === undefined ? '' : promise(requirement)] : []),
  ]);
  return table(head, lines);
}

/** A figure of a program is its median, with the spread where there is one. */
function byProgram(rows: readonly BenchRow[]): string {
  const programs = [...new Set(rows.map(({ program }) => program ?? ''))];
  const names = [...new Map(rows.map(({ name, unit }) => [`${name}, ${unit}`, name]))];
  const lines = names.map(([label, name]) => [
    label,
    ...programs.map((program) => {
      const found = rows.find((row) => row.name === name && row.program === program);
      return found === undefined ? '' : withSpread(found);
    }),
  ]);
  return table(['', ...programs], lines);
}

function withSpread({ median, min, max, ratio, requirement }: BenchRow): string {
  const [middle, low, high] = [median, min, max].map(figureText);
  const spread = low === middle && high === middle ? '' : ` (${low} to ${high})`;
  const times = ratio === undefined ? '' : `; ${figureText(ratio)}×`;
  return `${middle}${spread}${times}${requirement === undefined ? '' : `; ${promise(requirement)}`}`;
}

function promise({ text, met }: NonNullable<BenchRow['requirement']>): string {
  return met ? `${text}: reached` : `**${text}: not reached**`;
}

/** The first column and promises are text, the others are figures. */
function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = head.map((title, index) => (index === 0 || title === promisedTitle ? '---' : '---:'));
  return [head, rule, ...lines].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
