import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import {
  type ManifestKey,
  type PackageRequest,
  type StagedPackage,
  sealPackage,
  stagePackage,
} from '#shared/disclosure-package';
import type { Scope } from '#shared/orders';
import { generateKey, type SigningKey } from '#shared/signed-request';
import {
  type LineSource,
  projectToCategories,
  type ReleasedRecord,
  type TrafficEvent,
} from '#shared/traffic';
import { writePackageFile } from '../../support/package-file.ts';
import { inPieces } from '../../support/released-lines.ts';

export const receipt = Buffer.from(
  'c2sp.org/tlog-proof@v1\nindex 0\n\nexample.nl/log\n1\nAAAA\n\n— x AAAA\n',
);

export interface Parties {
  readonly folder: string;
  readonly signer: SigningKey;
  readonly manifestKey: ManifestKey;
  readonly identity: string;
  readonly recipient: string;
  close(): void;
}

/** A folder, the service's disclosure key and a recipient's age key. */
export async function parties(): Promise<Parties> {
  const folder = mkdtempSync(join(tmpdir(), 'griffie-package-'));
  const signer = await generateKey('EdDSA');
  const identity = await generateIdentity();
  return {
    folder,
    signer,
    manifestKey: { kid: signer.kid, jwk: signer.publicJwk },
    identity,
    recipient: await identityToRecipient(identity),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const window = { from: '2026-09-01T00:00:00.000Z', to: '2026-10-01T00:00:00.000Z' };

/** As `shared/orders` has it: what was granted goes into the manifest unchanged. */
export const scope: Scope = {
  targets: [{ kind: 'address', value: 'j.devries@example.nl', subaddresses: true }],
  ...window,
  categories: ['sender', 'recipient', 'session'],
  collectedUpTo: '2026-11-20T12:00:00.000Z',
};

/** As the scope releases it. */
export function record(index: number, more: ReleasedRecord = {}): ReleasedRecord {
  const event: ReleasedRecord = {
    schemaVersion: 1,
    eventId: index.toString(16).padStart(32, '0'),
    type: index % 3 === 0 ? 'session.login' : 'message.delivered',
    occurredAt: new Date(Date.UTC(2026, 8, 1) + index * 61_007).toISOString(),
    collectedAt: new Date(Date.UTC(2026, 8, 1) + index * 61_007 + 1500).toISOString(),
    host: 'mx1.example.nl',
    software: 'postfix',
    service: 'smtp',
    senderAddress: 'j.devries@example.nl',
    senderIp: '192.0.2.7',
    recipientAddress: `klant${index}@voorbeeld.example`,
    deliveryHostName: 'mail.voorbeeld.example',
    deliveryHostIp: '2001:db8::25',
    queueId: '4XyZ12abcDz9',
    sizeOctets: 2048 + index,
    outcome: 'sent',
    dsn: '2.0.0',
    correlation: 'complete',
    sourceId: 'mx1-postfix',
    sourcePosition: `maillog:${index}`,
    ...more,
  };
  const released = projectToCategories(event as TrafficEvent, scope.categories);
  if (released === null) throw new Error('the record is of no category of the scope');
  return released;
}

export function records(count: number, more: ReleasedRecord = {}): LineSource {
  return inPieces(Array.from({ length: count }, (_, index) => record(index, more)));
}

export function packageRequest(
  { folder, signer, recipient }: Parties,
  name: string,
  more: Partial<PackageRequest> = {},
): PackageRequest {
  return {
    folder: join(folder, `${name}.staging`),
    records: records(10),
    recipients: [recipient],
    signer,
    packageId: '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e',
    orderId: '01939f3a-0000-7cc3-9d20-3a1f6b7c8d9e',
    requestId: '01939f3a-1111-7cc3-9d20-3a1f6b7c8d9e',
    createdAt: '2026-11-22T09:30:00.000Z',
    softwareVersion: '0.1.0',
    query: {
      scope,
      text: 'SELECT … WHERE occurred_at >= {from:DateTime64(3)}',
      parameters: { from: window.from, targets: ['j.devries@example.nl'] },
    },
    window: { asked: window, available: window },
    incompleteBecause: () => [],
    report: {
      language: 'en',
      operatorName: 'Voorbeeld Mail B.V.',
      order: {
        regime: 'NL_DOMESTIC',
        legalBasis: 'Sv 126n',
        authority: 'Arrondissementsparket Den Haag',
        fileReference: '09/123456-26',
        issuedAt: '2026-11-19T10:00:00.000Z',
        receivedAt: '2026-11-20T12:00:00.000Z',
      },
    },
    ...more,
  };
}

export interface MadePackage {
  readonly staged: StagedPackage;
  /** As one file, as it is fetched. */
  readonly file: string;
}

export async function makePackage(
  who: Parties,
  name: string,
  more: Partial<PackageRequest> = {},
): Promise<MadePackage> {
  const staged = await stagePackage(packageRequest(who, name, more));
  const [sealed, file] = [join(who.folder, `${name}.sealed`), join(who.folder, `${name}.tar`)];
  await sealPackage(staged.folder, receipt, sealed);
  await writePackageFile(sealed, file);
  return { staged, file };
}
