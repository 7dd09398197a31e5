import type { BenchResult, BenchRow } from './bench.ts';

export interface Machine {
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly load: readonly number[];
}

export function machineLine({ node, processor, cores, memoryBytes, load }: Machine): string {
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB`;
  return `Node ${node}, ${processor}, ${cores} cores, ${memory}, load ${(load[0] ?? 0).toFixed(2)}`;
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

function cellsOf({ name, unit, median, min, max, ratio, requirement }: BenchRow): string[] {
  const promise = requirement === undefined ? '' : `${requirement.text}: ${requirement.met ? 'yes' : 'NO'}`;
  return [
    name,
    ...[median, min, max].map(figure),
    unit,
    ratio === undefined ? '' : `${ratio.toFixed(2)}×`,
    promise,
  ];
}

/** Three significant digits, more where the number is whole anyway. */
function figure(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
