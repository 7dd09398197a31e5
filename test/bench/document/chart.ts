import type { BenchSeries } from '../bench.ts';
import { figureText } from '../figure.ts';
import { type Scale, scaleFor } from './scale.ts';

/*
 * A plot of lines as SVG: pure text out of numbers. It has a background of its own for light and for dark
 * surroundings, and lines differ in shape of mark and dash as well as in colour.
 */

export interface Chart {
  readonly title: string;
  /** Of one unit and one label of x. */
  readonly series: readonly BenchSeries[];
}

const width = 760;
const plotHeight = 280;
const left = 84;
const right = 52;
const legendTop = 58;
const legendLine = 22;
const bottom = 62;

const styles = [
  { light: '#0b62a8', dark: '#5eb3f2', dash: '' },
  { light: '#c2410c', dark: '#ff9b57', dash: '7 4' },
  { light: '#0f766e', dark: '#4fd1b5', dash: '2 3' },
  { light: '#9333a8', dark: '#d8a0f0', dash: '9 3 2 3' },
  { light: '#7a6400', dark: '#e3c74d', dash: '4 2' },
  { light: '#475569', dark: '#b6c2d1', dash: '12 4' },
] as const;

const marks: readonly ((x: number, y: number) => string)[] = [
  (x, y) => `<circle cx="${n(x)}" cy="${n(y)}" r="4.5"/>`,
  (x, y) => `<rect x="${n(x - 4)}" y="${n(y - 4)}" width="8" height="8"/>`,
  (x, y) => `<path d="M${n(x)} ${n(y - 5.5)}l5.5 9.5h-11z"/>`,
  (x, y) => `<path d="M${n(x)} ${n(y - 6)}l6 6l-6 6l-6 -6z"/>`,
  (x, y) => `<path d="M${n(x)} ${n(y + 5.5)}l5.5 -9.5h-11z"/>`,
  (x, y) => `<path d="M${n(x - 5)} ${n(y - 1.5)}h10v3h-10z"/>`,
];

export function chartSvg({ title, series }: Chart): string {
  const [first] = series;
  if (first === undefined) throw new Error('a chart needs a series');
  if (series.length > styles.length) throw new Error(`no more than ${styles.length} lines can be told apart`);
  const points = series.flatMap(({ points }) => points);
  const xScale = scaleFor(points.map(({ x }) => x));
  const yScale = scaleFor(points.map(({ y }) => y));
  const top = legendTop + legendLine * Math.ceil(series.length / 2) + 22;
  const height = top + plotHeight + bottom;
  const plotWidth = width - left - right;
  const x = (value: number): number => left + xScale.at(value) * plotWidth;
  const y = (value: number): number => top + (1 - yScale.at(value)) * plotHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="14" role="img">`,
    `<title>${xml(title)}</title>`,
    `<desc>${xml(describe(series))}</desc>`,
    styleSheet(series.length),
    `<rect class="paper" width="${width}" height="${height}" rx="8"/>`,
    `<text class="ink" x="20" y="32" font-size="17" font-weight="600">${xml(title)}</text>`,
    ...series.map((one, index) => legend(one.name, index)),
    ...yScale.ticks.map((tick) => yTick(tick, y(tick))),
    ...xTicks(xScale, x, top),
    `<text class="ink" x="${left - 12}" y="${top - 12}" text-anchor="end">${xml(first.unit)}</text>`,
    `<text class="ink" x="${n(left + plotWidth / 2)}" y="${height - 16}" text-anchor="middle">${xml(first.xLabel)}</text>`,
    ...series.map((one, index) => line(one, index, x, y)),
    '</svg>',
    '',
  ].join('\n');
}

function styleSheet(count: number): string {
  const rules = (mode: 'light' | 'dark'): string => {
    const [paper, ink, grid] =
      mode === 'light' ? ['#ffffff', '#1e293b', '#d5dbe3'] : ['#0d1117', '#e2e8f0', '#323b47'];
    const lines = styles
      .slice(0, count)
      .map(
        (style, index) => `.line${index} { stroke: ${style[mode]}; } .mark${index} { fill: ${style[mode]}; }`,
      );
    return [
      `.paper { fill: ${paper}; }`,
      `.ink { fill: ${ink}; }`,
      `.grid { stroke: ${grid}; }`,
      ...lines,
    ].join(' ');
  };
  return `<style>.line { fill: none; stroke-width: 2.5; stroke-linejoin: round; } ${rules('light')} @media (prefers-color-scheme: dark) { ${rules('dark')} }</style>`;
}

/** Two to a line, above the plot. */
function legend(name: string, index: number): string {
  const x = 20 + (index % 2) * (width / 2);
  const y = legendTop + Math.floor(index / 2) * legendLine;
  const sample = `<path class="line line${index}"${dash(index)} d="M${x} ${y - 5}h34"/><g class="mark${index}">${mark(index, x + 17, y - 5)}</g>`;
  return `${sample}<text class="ink" x="${x + 44}" y="${y}">${xml(name)}</text>`;
}

function yTick(tick: number, y: number): string {
  return `<path class="grid" d="M${left} ${n(y)}H${width - right}"/><text class="ink" x="${left - 12}" y="${n(y + 5)}" text-anchor="end">${axisText(tick)}</text>`;
}

function xTicks({ ticks }: Scale, x: (value: number) => number, top: number): string[] {
  const base = top + plotHeight;
  return ticks.map(
    (tick) =>
      `<path class="grid" d="M${n(x(tick))} ${base}v6"/><text class="ink" x="${n(x(tick))}" y="${base + 24}" text-anchor="middle">${axisText(tick)}</text>`,
  );
}

function line(
  { name, unit, xLabel, points }: BenchSeries,
  index: number,
  x: (value: number) => number,
  y: (value: number) => number,
): string {
  const sorted = [...points].sort((a, b) => a.x - b.x);
  const path = sorted.map((point, i) => `${i === 0 ? 'M' : 'L'}${n(x(point.x))} ${n(y(point.y))}`).join('');
  const dots = sorted.map((point) => {
    const text = `${name}: ${figureText(point.y)} ${unit} at ${axisText(point.x)} ${xLabel}`;
    return `<g class="mark${index}"><title>${xml(text)}</title>${mark(index, x(point.x), y(point.y))}</g>`;
  });
  return [`<path class="line line${index}"${dash(index)} d="${path}"/>`, ...dots].join('');
}

/** The figures in words, for who cannot see the picture. */
function describe(series: readonly BenchSeries[]): string {
  return series
    .map(({ name, unit, xLabel, points }) => {
      const figures = points.map(
        (point) => `${figureText(point.y)} ${unit} at ${axisText(point.x)} ${xLabel}`,
      );
      return `${name}: ${figures.join(', ')}.`;
    })
    .join(' ');
}

const dash = (index: number): string => {
  const pattern = styles[index]?.dash ?? '';
  return pattern === '' ? '' : ` stroke-dasharray="${pattern}"`;
};

const mark = (index: number, x: number, y: number): string => marks[index]?.(x, y) ?? '';

function axisText(value: number): string {
  if (value >= 1e9) return `${figureText(value / 1e9)} billion`;
  return value >= 1e6 ? `${figureText(value / 1e6)} million` : figureText(value);
}

/** A coordinate: a tenth of a pixel is enough, and does not change with the machine. */
function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function xml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c);
}
