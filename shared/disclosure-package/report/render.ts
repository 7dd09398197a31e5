import type { RegimeId } from '#shared/orders';
import { eventTypes, type ReleasedRecord, trafficCategories } from '#shared/traffic';
import { PageWriter, showable } from '#shared/written-document';
import type { Manifest } from '../manifest.ts';
import { plaintextName } from '../names.ts';
import type { RecordDigest } from '../package-thread/messages.ts';
import { type ReportTexts, reportTexts } from './texts.ts';

/** What the report says that the manifest does not. */
export interface ReportContext {
  readonly language: 'en' | 'nl';
  /** Name of the provider, as it is to stand on the report. */
  readonly operatorName: string;
  readonly order: {
    readonly regime: RegimeId;
    readonly legalBasis: string;
    readonly authority: string;
    readonly fileReference: string;
    /** RFC 3339 UTC. */
    readonly issuedAt: string;
    readonly receivedAt: string;
  };
}

/**
 * The written disclosure as PDF, a chunk at a time. The manifest is the one that is about to be signed,
 * without the report's own entry.
 */
export async function* renderReport(
  manifest: Manifest,
  digest: RecordDigest,
  context: ReportContext,
): AsyncGenerator<Uint8Array> {
  const texts = reportTexts[context.language];
  const page = new PageWriter({
    language: context.language,
    title: texts.title,
    author: context.operatorName,
    createdAt: manifest.createdAt,
    foot: `${context.operatorName} · ${texts.labels.packageId} ${manifest.packageId}`,
    pageText: texts.page,
  });
  page.title(texts.title, `${context.operatorName} · ${texts.confidential}`);
  writeOrder(page, texts, manifest, context);
  writeScope(page, texts, manifest);
  writeCompleteness(page, texts, manifest);
  await writeCounts(page, texts, manifest, digest);
  await writeParts(page, texts, manifest);
  page.heading(texts.headings.verify);
  for (const sentence of texts.verify) page.paragraph(sentence);
  await writeRecords(page, texts, manifest, digest);
  page.finish();
  for await (const chunk of page.document) yield chunk;
}

function writeOrder(
  page: PageWriter,
  { headings, labels, regimes }: ReportTexts,
  manifest: Manifest,
  context: ReportContext,
): void {
  const { order } = context;
  page.heading(headings.order);
  page.labelled([
    [labels.authority, order.authority],
    [labels.fileReference, order.fileReference],
    [labels.regime, regimes[order.regime] ?? order.regime],
    [labels.legalBasis, order.legalBasis],
    [labels.issuedAt, readable(order.issuedAt)],
    [labels.receivedAt, readable(order.receivedAt)],
    [labels.orderId, manifest.orderId],
  ]);
  page.heading(headings.disclosure);
  page.labelled([
    [labels.operator, context.operatorName],
    [labels.requestId, manifest.requestId],
    [labels.packageId, manifest.packageId],
    [labels.createdAt, readable(manifest.createdAt)],
    [labels.software, `${manifest.software.name} ${manifest.software.version}`],
  ]);
}

function writeScope(page: PageWriter, texts: ReportTexts, { query, window }: Manifest): void {
  const { labels } = texts;
  const { targets, categories, collectedUpTo } = query.scope;
  const language = texts === reportTexts.nl ? 'nl' : 'en';
  const period = (part: { from: string; to: string } | null): string =>
    part === null ? texts.windowNone : texts.window(readable(part.from), readable(part.to));
  const about = targets.map((target) => {
    const suffix = target.subaddresses === true ? ` (${texts.subaddresses})` : '';
    return `${texts.targetKinds[target.kind]}: ${target.value}${suffix}`;
  });
  page.heading(texts.headings.scope);
  page.labelled([
    [labels.targets, about],
    [labels.windowAsked, period(window.asked)],
    [labels.windowAvailable, period(window.available)],
    [labels.storedUpTo, readable(collectedUpTo)],
    [
      labels.categories,
      trafficCategories
        .filter(({ id }) => categories.includes(id))
        .map(({ number, title }) => `${number}. ${title[language]}`),
    ],
  ]);
  noteEscapes(page, texts, about.map(showable));
}

function writeCompleteness(page: PageWriter, texts: ReportTexts, { completeness }: Manifest): void {
  const { state, reasons } = completeness;
  page.heading(texts.headings.completeness);
  page.paragraph(texts.states[state], 'bold');
  for (const reason of reasons) page.paragraph(`– ${texts.reasons[reason]}`);
  if (state === 'none' && reasons.length === 0) page.paragraph(texts.noneWithoutReason);
}

async function writeCounts(
  page: PageWriter,
  texts: ReportTexts,
  manifest: Manifest,
  digest: RecordDigest,
): Promise<void> {
  if (manifest.records === 0) return;
  page.heading(texts.headings.counts);
  const rows = eventTypes
    .filter((type) => digest.countsByType.has(type))
    .map((type) => [texts.events[type], String(digest.countsByType.get(type))]);
  await page.table(
    [
      { title: texts.labels.event, share: 0.5 },
      { title: texts.labels.partRecords, share: 0.2, align: 'right' },
    ],
    [...rows, [texts.labels.total, String(manifest.records)]],
    9,
  );
}

async function writeParts(page: PageWriter, texts: ReportTexts, manifest: Manifest): Promise<void> {
  const { labels } = texts;
  if (manifest.parts.length === 0) return;
  page.heading(texts.headings.parts);
  page.paragraph(texts.partsNote);
  await page.table(
    [
      { title: labels.partName, share: 0.19 },
      { title: labels.partRecords, share: 0.1, align: 'right' },
      { title: labels.partBytes, share: 0.13, align: 'right' },
      { title: labels.partDigest, share: 0.58, font: 'mono' },
    ],
    manifest.parts.map((part) => [
      plaintextName(part.name),
      'records' in part ? String(part.records) : '',
      String(part.bytes),
      part.sha256,
    ]),
    6.6,
  );
}

async function writeRecords(
  page: PageWriter,
  texts: ReportTexts,
  manifest: Manifest,
  digest: RecordDigest,
): Promise<void> {
  const { labels } = texts;
  if (manifest.records === 0) return;
  page.heading(texts.headings.records);
  page.paragraph(texts.recordsShown(digest.first.length, manifest.records));
  page.paragraph(texts.times);
  const rows = digest.first.map((record, index) => [
    String(index + 1),
    record.occurredAt === undefined ? '' : readable(record.occurredAt).replace(/ UTC$/, ''),
    record.type === undefined ? '' : texts.events[record.type],
    describe(record, texts),
  ]);
  noteEscapes(page, texts, rows.flat());
  await page.table(
    [
      { title: labels.number, share: 0.07, align: 'right' },
      { title: labels.time, share: 0.13 },
      { title: labels.event, share: 0.14 },
      { title: labels.data, share: 0.66 },
    ],
    rows,
    7.2,
  );
}

/** People, addresses and hosts stand on the first lines of a record; what identifies the record below them. */
const leading: readonly string[] = [
  'senderAddress',
  'senderNull',
  'senderUser',
  'senderIp',
  'senderPort',
  'recipientAddress',
  'recipientOriginalAddress',
  'recipientUser',
  'clientIp',
  'clientPort',
  'proxyIp',
  'originHostName',
  'originHostIp',
  'deliveryHostName',
  'deliveryHostIp',
  'deliveryHostPort',
  'service',
  'protocol',
  'outcome',
];
/** In a column of their own, or the same in every record. */
const ownColumn: readonly string[] = ['occurredAt', 'type', 'schemaVersion'];

/** Between the data of a record. `showable` escapes it, so no value can pose as another datum. */
const separator = ' \u2022 ';

function describe(record: ReleasedRecord, { fields, labels }: ReportTexts): string {
  const entries = Object.entries(record).filter(([name]) => !ownColumn.includes(name));
  const rank = (name: string): number => leading.indexOf(name);
  const line = (some: typeof entries): string =>
    some
      .map(([name, value]) => {
        const text = typeof value === 'boolean' ? (value ? labels.yes : labels.no) : String(value);
        return `${fields[name] ?? name}: ${showable(name === 'collectedAt' ? readable(text) : text)}`;
      })
      .join(separator);
  return [
    line(entries.filter(([name]) => rank(name) >= 0).sort(([a], [b]) => rank(a) - rank(b))),
    line(entries.filter(([name]) => rank(name) < 0)),
  ]
    .filter(Boolean)
    .join('\n');
}

/** Explains `\\u{…}` where the reader will meet it. */
function noteEscapes(page: PageWriter, texts: ReportTexts, shown: readonly string[]): void {
  if (shown.some((text) => text.includes('\\u{'))) page.paragraph(texts.escapes, 'muted');
}

/** `2026-11-22 09:00:00.123 UTC` for `2026-11-22T09:00:00.123Z`; whole seconds without their zeros. */
function readable(utcTime: string): string {
  return utcTime.replace('T', ' ').replace(/(?:\.000)?Z$/, ' UTC');
}
