import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { incompleteReasons, type Manifest, packageLimits } from '#shared/disclosure-package';
import { eventTypes, type ReleasedRecord, trafficEventSchema } from '#shared/traffic';
import { showable } from '#shared/written-document';
import type { RecordDigest } from '../../../shared/disclosure-package/package-thread/messages.ts';
import { renderReport } from '../../../shared/disclosure-package/report/index.ts';
import { reportTexts } from '../../../shared/disclosure-package/report/texts.ts';
import { packageRequest, parties, record } from './support.ts';

const who = await parties();
afterAll(() => who.close());
const hasPdftotext = spawnSync('pdftotext', ['-v']).error === undefined;

function digestOf(list: readonly ReleasedRecord[]): RecordDigest {
  const types = [...new Set(list.flatMap(({ type }) => type ?? []))];
  const count = (type: string): number => list.filter((record) => record.type === type).length;
  return {
    first: list.slice(0, packageLimits.recordsInReport),
    countsByType: new Map(types.map((type) => [type, count(type)])),
  };
}

async function render(
  list: readonly ReleasedRecord[],
  more: Partial<Manifest> = {},
  language: 'en' | 'nl' = 'en',
): Promise<Buffer> {
  const digest = digestOf(list);
  const request = packageRequest(who, 'report');
  const manifest: Manifest = {
    version: 1,
    nonce: '',
    software: { name: 'griffie', version: '0.1.0' },
    ...{ packageId: request.packageId, orderId: request.orderId, requestId: request.requestId },
    ...{ createdAt: request.createdAt, query: request.query, window: request.window },
    completeness: { state: list.length === 0 ? 'none' : 'complete', reasons: [] },
    records: list.length,
    recipients: [who.recipient],
    parts: [],
    verifyTextSha256: '',
    ...more,
  };
  const chunks: Uint8Array[] = [];
  for await (const chunk of renderReport(manifest, digest, { ...request.report, language }))
    chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The text of a PDF with its white space folded. */
function textOf(pdf: Buffer): string {
  const path = join(who.folder, 'report.pdf');
  writeFileSync(path, pdf);
  return execFileSync('pdftotext', ['-raw', path, '-'], { encoding: 'utf8', maxBuffer: 1e8 }).replace(
    /\s+/g,
    ' ',
  );
}

describe('the written report', () => {
  it.each(['en', 'nl'] as const)('has a sentence for every reason, event and field: %s', (language) => {
    const texts = reportTexts[language];
    for (const reason of incompleteReasons) expect(texts.reasons[reason]).toMatch(/\.$/);
    for (const type of eventTypes) expect(texts.events[type]).not.toBe('');
    const fields = Object.keys(trafficEventSchema.shape).filter(
      (name) => name !== 'type' && name !== 'occurredAt',
    );
    expect(fields.filter((name) => texts.fields[name] === undefined)).toEqual([]);
    expect(new Set(Object.values(texts.fields)).size).toBe(Object.keys(texts.fields).length);
  });

  it('is a PDF that embeds its fonts', async () => {
    const pdf = await render([record(1)]);
    expect(pdf.toString('latin1', 0, 8)).toBe('%PDF-1.7');
    expect(pdf.includes('/FontFile2')).toBe(true);
    expect(pdf.includes('/BaseFont /Helvetica')).toBe(false);
  });

  describe.skipIf(!hasPdftotext)(
    `read back${hasPdftotext ? '' : ' (skipped: pdftotext is not installed)'}`,
    () => {
      it('names the order, the request, the package, the window, the targets and every datum of a record', async () => {
        const text = textOf(await render([record(1, { tls: true, senderPort: 4711 })]));
        const request = packageRequest(who, 'report');
        const wanted = [
          ...[
            request.packageId,
            request.orderId,
            request.requestId,
            'Voorbeeld Mail B.V.',
            '09/123456-26',
            'Sv 126n',
          ],
          'e-mail address: j.devries@example.nl (with its subaddresses)',
          'from 2026-09-01 00:00:00 UTC up to, not including, 2026-10-01',
          'sender port: 4711',
          'TLS: yes',
          'recipient: klant1@voorbeeld.example',
          'page 1 of 2',
          'All 1 records',
        ];
        expect(wanted.filter((part) => !text.includes(part))).toEqual([]);
      });

      it('in Dutch is in Dutch', async () => {
        const text = textOf(await render([], {}, 'nl'));
        expect(text).toContain('Verstrekking van e-mailverkeersgegevens');
        expect(text).toContain('pagina 1 van 1');
        expect(text).toContain(reportTexts.nl.noneWithoutReason);
      });

      it('gives every reason why it is incomplete', async () => {
        const completeness = { state: 'incomplete' as const, reasons: [...incompleteReasons] };
        const text = textOf(await render([record(1)], { completeness }));
        expect(incompleteReasons.filter((reason) => !text.includes(reportTexts.en.reasons[reason]))).toEqual(
          [],
        );
      });

      it('shows the first 500 records of more, and says how many there are and where', async () => {
        const text = textOf(await render(Array.from({ length: 510 }, (_, index) => record(index))));
        expect(text).toContain('The first 500 of 510 records');
        expect(text).toContain('klant499@voorbeeld.example');
        expect(text).not.toContain('klant500@voorbeeld.example');
      });

      it('shows addresses of other scripts, and writes out what it cannot show without doubt', async () => {
        const text = textOf(
          await render([
            record(1, { senderAddress: 'Jörg.Müller+πдом@example.nl', recipientAddress: '用户@example.nl' }),
          ]),
        );
        expect(text).toContain('sender: Jörg.Müller+πдом@example.nl');
        expect(text).toContain('recipient: \\u{7528}\\u{6237}@example.nl');
        expect(text).toContain(reportTexts.en.escapes);
      });

      it('keeps a value from posing as another datum', async () => {
        const text = textOf(
          await render([record(1, { senderAddress: '"a • recipient: b@c.nl"@example.nl' })]),
        );
        expect(text).toContain('sender: "a \\u{2022} recipient: b@c.nl"@example.nl');
      });
    },
  );
});

describe('text as the report shows it', () => {
  it('is ASCII, Latin, Greek or Cyrillic, whatever was in it, and can be turned back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = showable(text);
        expect(shown).not.toMatch(
          /[\p{C}\p{M}\p{Zl}\p{Zp}]|(?! )\p{Zs}|[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Han}]/u,
        );
        const back = shown.replace(/\\u\{([0-9A-F]+)\}/g, (_, hex) =>
          String.fromCodePoint(Number.parseInt(hex, 16)),
        );
        expect(back).toBe(text);
      }),
    );
  });

  it('does not let an address pretend to hold an escape, or turn the line around', () => {
    expect(showable('a\\u{41}')).toBe('a\\u{5C}u{41}');
    expect(showable('a\u202ecod.exe')).toBe('a\\u{202E}cod.exe');
    expect(showable('a\u200bb\u00adc')).toBe('a\\u{200B}b\\u{AD}c');
    expect(showable('j.o\\doe')).toBe('j.o\\doe');
  });
});
