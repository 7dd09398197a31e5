import type { BenchResult, BenchRow } from './bench.ts';
import { figureText } from './figure.ts';
import type { Run } from './results.ts';

export function machineLine(machine: Run['machine'], load: number): string {
  const { node, processor, cores, memoryBytes } = machine;
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB`;
  return `Node ${node}, ${processor}, ${cores} cores, ${memory}, load ${load.toFixed(2)}`;
}

/** Columns as wide as they must be; figures to the right. */
export function tableOf({ rows, notes }: BenchResult): string {
  const cells = [['', 'median', 'min', 'max', 'unit', 'ratio', 'promise'], ...rows.map(cellsOf)];
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((line) => line[column]?.length ?? 0)),
  );
  const pad = (text: string, column: number): string => {
    const width = widths[column] ?? 0;
    return column >= 1 && column <= 3 ? text.padStart(width) : text.padEnd(width);
  };
  const lines = cells.map((line) => `  ${line.map(pad).join('  ')}`.trimEnd());
  return [...lines, ...notes.map((note) => `  (${note})`)].map((line) => `${line}\n`).join('');
}

function cellsOf({ name, program, unit, median, min, max, ratio, requirement }: BenchRow): string[] {
  const promise = requirement === undefined ? '' : `${requirement.text}: ${requirement.met ? 'yes' : 'NO'}`;
  return [
    program === undefined ? name : `${name}: ${program}`,
    ...[median, min, max].map(figureText),
    unit,
    ratio === undefined ? '' : `${ratio.toFixed(2)}×`,
    promise,
  ];
}
