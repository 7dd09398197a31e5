import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPackage } from '#shared/disclosure-package';
import type { TrafficEvent } from '#shared/traffic';
import type { Person, TestService } from './test-service.ts';

/** What an officer gets under an order: asks, waits, fetches, opens. */
export async function releasedRecords(
  t: TestService,
  officer: Person,
  body: { readonly orderId: string; readonly scope?: object },
): Promise<Partial<TrafficEvent>[]> {
  const answer = await officer.call('POST', '/v1/disclosures', { body });
  if (answer.status !== 202) throw new Error(`not allowed: ${answer.body.code}`);
  const { disclosureId } = answer.body;
  const done = await t.finished(officer, disclosureId);
  if (done.body.ready !== true) throw new Error(`not made: ${done.body.status}`);
  return fetchedRecords(t, officer, disclosureId);
}

/** The records of a package that is there. */
export async function fetchedRecords(
  t: TestService,
  officer: Person,
  disclosureId: string,
): Promise<Partial<TrafficEvent>[]> {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-released-'));
  try {
    const file = join(folder, 'package.tar');
    await writeFile(file, (await officer.call('GET', `/v1/disclosures/${disclosureId}/package`)).bytes);
    const opened = await readPackage({
      file,
      identities: [t.recipientIdentity],
      manifestKey: { kid: t.manifestKey.kid, jwk: t.manifestKey.publicJwk },
      outFolder: join(folder, 'opened'),
    });
    if (!opened.ok) throw new Error(opened.code);
    const part = join(folder, 'opened/parts/0001.ndjson');
    const lines = opened.manifest.records === 0 ? '' : (await readFile(part, 'utf8')).trim();
    return lines === '' ? [] : lines.split('\n').map((line) => JSON.parse(line));
  } finally {
    await rm(folder, { recursive: true });
  }
}
