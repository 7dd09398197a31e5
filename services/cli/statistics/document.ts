import { PageWriter } from '#shared/written-document';
import type { YearStatistics } from './count.ts';
import type { FigureRow } from './rows.ts';

/** Titles of the tables, by what their figures are about; others stand under their own name. */
const titles: Readonly<Record<string, string>> = {
  'production orders': 'Production orders',
  'production orders by issuing State': 'Production orders by issuing State',
  'production orders by emergency': 'Production orders by emergency',
  'production orders by data category': 'Production orders by data category',
  'production orders by regime': 'Production orders by regime',
  'preservation orders': 'Preservation orders',
  'decisions on orders': 'Decisions on orders',
  deadlines: 'Deadlines',
  disclosures: 'Disclosures',
  refusals: 'Refusals, by reason',
};

const words: Readonly<Record<string, string>> = {
  received: 'received',
  fulfilled: 'fulfilled: a package with records was released',
  unfulfilled: 'not fulfilled',
  averageHours: 'average time from receipt to the first package, hours',
};

/** What a document says besides its figures. */
export interface DocumentFrame {
  readonly statistics: Pick<YearStatistics, 'year' | 'service' | 'lastEntry' | 'upTo' | 'notInLedger'>;
  /** For the public: numbers from 1 up to this are withheld. */
  readonly withheldBelow: number | null;
}

/**
 * The year's figures as a PDF/A. The same bytes from the same entries: its date is that of the last entry,
 * and nothing of the machine that makes it goes into it.
 */
export async function renderStatistics(
  rows: readonly FigureRow[],
  { statistics, withheldBelow }: DocumentFrame,
): Promise<Buffer> {
  const { year, service, lastEntry, upTo, notInLedger } = statistics;
  const title = withheldBelow === null ? `Orders and disclosures in ${year}` : `Transparency report ${year}`;
  const name = service ?? 'Griffie';
  const page = new PageWriter({
    language: 'en',
    title,
    author: name,
    createdAt: upTo ?? `${year}-01-01T00:00:00.000Z`,
    foot: `${name} · ${title}`,
    pageText: (number, pages) => `${number} of ${pages}`,
  });
  page.title(title, name);
  page.paragraph(
    lastEntry === null
      ? 'The ledger has no entry that counts.'
      : `Counted from the ledger alone, up to its entry ${lastEntry} of ${upTo}. Orders are those that were recorded in the year; what became of them is counted up to that entry.`,
  );
  if (withheldBelow !== null) {
    page.paragraph(
      `Numbers from 1 to ${withheldBelow - 1} are withheld (–), and those from which one could be worked out.`,
    );
  }
  for (const about of new Set(rows.map((row) => row.about))) {
    page.heading(titles[about] ?? about);
    const own = rows.filter((row) => row.about === about);
    await page.table(
      [
        { title: 'Group', share: 0.26 },
        { title: 'Figure', share: 0.56 },
        { title: 'Value', share: 0.18, align: 'right' },
      ],
      own.map(({ group, figure, value }) => [group, words[figure] ?? figure, shown(value)]),
      9,
    );
  }
  if (notInLedger.length > 0) {
    page.heading('Not in the ledger');
    for (const sentence of notInLedger) page.paragraph(`– ${sentence}`);
  }
  page.finish();
  const chunks: Uint8Array[] = [];
  for await (const chunk of page.document) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const shown = (value: number | null): string => (value === null ? '–' : String(value));
