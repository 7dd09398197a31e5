/** One day as it is drawn. */
export interface PictureDay {
  readonly day: string;
  readonly rows: number;
  readonly bytes: number;
  /** `held`, `next`: goes within a week; `due`: past its time and still there; `gone`. */
  readonly state: 'held' | 'next' | 'due' | 'gone';
}

/** The days of a store around their end. */
export interface RetentionPicture {
  readonly days: readonly PictureDay[];
}

const marks = { held: '█', next: '▓', due: '!', gone: '·' } as const;
const colours = { held: '#2f6f8f', next: '#d9a441', due: '#b3261e', gone: '#d5d5d5' } as const;
const barWidth = 40;

/** A bar for each month, as long as its share of the fullest one: what is held, goes next, is due, is gone. */
export function pictureLines({ days }: RetentionPicture): string[] {
  const months = new Map<string, PictureDay[]>();
  for (const day of days) {
    const month = day.day.slice(0, 7);
    const list = months.get(month);
    if (list === undefined) months.set(month, [day]);
    else list.push(day);
  }
  const totals = [...months.values()].map((list) => list.reduce((sum, { rows }) => sum + rows, 0));
  const most = Math.max(1, ...totals);
  const lines = [...months].map(([month, list]) => {
    const bar = (['due', 'next', 'held'] as const)
      .map((state) => {
        const rows = list.filter((day) => day.state === state).reduce((sum, day) => sum + day.rows, 0);
        return marks[state].repeat(rows === 0 ? 0 : Math.max(1, Math.round((rows / most) * barWidth)));
      })
      .join('');
    const gone = list.filter(({ state }) => state === 'gone').length;
    const there = list.length - gone;
    const rows = list.reduce((sum, day) => sum + (day.state === 'gone' ? 0 : day.rows), 0);
    const dots = there === 0 ? marks.gone.repeat(3) : '';
    return `${month}  ${(bar + dots).padEnd(barWidth)}  ${there} days, ${rows} rows${gone > 0 ? `; ${gone} days gone` : ''}`;
  });
  return [
    ...lines,
    `${marks.held} held  ${marks.next} goes within a week  ${marks.due} past its time  ${marks.gone} gone`,
  ];
}

const cell = 14;
const rowHeight = 18;
const margin = 70;

/** The same as a calendar, a square a day. Self-contained SVG. */
export function pictureSvg({ days }: RetentionPicture): string {
  const months = [...new Set(days.map(({ day }) => day.slice(0, 7)))].sort();
  const squares = days.map(({ day, rows, state }) => {
    const x = margin + (Number(day.slice(8, 10)) - 1) * cell;
    const y = 24 + months.indexOf(day.slice(0, 7)) * rowHeight;
    return `<rect x="${x}" y="${y}" width="${cell - 2}" height="${cell - 2}" fill="${colours[state]}"><title>${day}: ${rows} rows, ${state}</title></rect>`;
  });
  const labels = months.map(
    (month, index) => `<text x="4" y="${24 + index * rowHeight + 11}">${month}</text>`,
  );
  const key = Object.entries(colours).map(
    ([state, colour], index) =>
      `<rect x="${margin + index * 90}" y="6" width="10" height="10" fill="${colour}"/><text x="${margin + 14 + index * 90}" y="15">${state}</text>`,
  );
  const height = 32 + months.length * rowHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${margin + 31 * cell + 8}" height="${height}" font-family="sans-serif" font-size="11" role="img" aria-label="Days of traffic data held">`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    ...key,
    ...labels,
    ...squares,
    '</svg>',
    '',
  ].join('\n');
}
