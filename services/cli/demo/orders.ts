import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { utc } from '#shared/runtime';
import { categoryIds } from '#shared/traffic';

const dayMs = 86_400_000;

/** The demonstration's order about one mailbox, complete under Dutch law, and its document. */
export async function writeOrder(
  folder: string,
  name: string,
  options: { now: number; target: string; recipient: string; from: string; to: string; validMs?: number },
): Promise<{ order: string; document: string }> {
  const { now } = options;
  const order = {
    regime: 'NL_DOMESTIC',
    type: 'produce',
    legalBasis: 'Sv 126n',
    dataCategory: 'traffic',
    issuingState: 'NL',
    issuer: {
      authority: 'Arrondissementsparket Amsterdam',
      role: 'public_prosecutor',
      fileReference: '13/000001-26',
    },
    validatedBy: { name: 'Rechter-commissaris, rechtbank Amsterdam', role: 'examining_judge' },
    addressee: 'Example Mail',
    scope: {
      targets: [{ kind: 'address', value: options.target }],
      from: options.from,
      to: options.to,
      categories: categoryIds,
    },
    recipients: [{ name: 'Arrondissementsparket Amsterdam', encryptionKey: options.recipient }],
    reportLanguage: 'nl',
    issuedAt: utc(now - dayMs),
    receivedAt: utc(now),
    validUntil: utc(now + (options.validMs ?? 30 * dayMs)),
  };
  const files = { order: join(folder, `${name}.json`), document: join(folder, `${name}.pdf`) };
  await writeFile(files.order, `${JSON.stringify(order, null, 2)}\n`);
  await writeFile(
    files.document,
    '%PDF-1.4\n% stands for the signed order of the prosecutor\nstartxref\n0\n%%EOF\n',
  );
  return files;
}

/** An order as it came in too hurried: no judge, no end, a window the wrong way round. */
export async function writeIncompleteOrder(folder: string): Promise<string> {
  const order = {
    regime: 'NL_DOMESTIC',
    type: 'produce',
    legalBasis: 'Sv 126na',
    dataCategory: 'traffic',
    issuer: { authority: 'Arrondissementsparket Amsterdam', role: 'public_prosecutor' },
    scope: {
      targets: [{ kind: 'address', value: 'everybody' }],
      from: '2026-11-22T00:00:00Z',
      to: '2026-11-01T00:00:00Z',
      categories: categoryIds,
    },
  };
  const file = join(folder, 'order-incomplete.json');
  await writeFile(file, `${JSON.stringify(order, null, 2)}\n`);
  return file;
}
