import { v7 as uuidv7 } from 'uuid';
import { createLedger, createNoteSigner, type LedgerEntry, type LedgerStorage } from '#shared/ledger';
import { utc } from '#shared/runtime';

/*
 * A ledger as a busy provider's would be: of a hundred entries one order is recorded, approved, requested
 * under, released and collected, and 95 are readings. The signatures are no signatures, which the fold does
 * not look at; their form and length are right.
 */

const start = Date.parse('2026-11-22T09:00:00.000Z');
const perOrder = 100;
const batch = 256;
const audience = 'https://griffie.example.nl';
const roles = ['administrator', 'registrar', 'reviewer', 'officer', 'auditor'] as const;
type Who = (typeof roles)[number];

const thumbprint = (role: Who): string => role.padEnd(43, 'k');
const id = (n: number): string => `01939f3a-7b1c-7000-8000-${n.toString(16).padStart(12, '0')}`;
const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const digest = (n: number): string => n.toString(16).padStart(64, '0');

/** Writes so many entries, at least those of the beginning. */
export async function writeHistory(storage: LedgerStorage, key: string, size: number): Promise<void> {
  const signer = createNoteSigner('griffie.example.nl/ledger', key);
  const ledger = await createLedger({ storage, signer });
  for (let at = 0; at < size; at += batch) {
    await ledger.append(Array.from({ length: Math.min(batch, size - at) }, (_, i) => entryAt(at + i)));
  }
  await ledger.close();
}

function entryAt(index: number): LedgerEntry {
  if (index === 0) {
    const details = { software: '0', audience, retentionPeriod: 'P6M', manifestKey: {} };
    return { ...byService(index), kind: 'ledger.started', details };
  }
  const enrolled = roles[index - 1];
  if (enrolled !== undefined) {
    const by = enrolled === 'administrator' ? byService(index) : byPerson(index, 'administrator');
    const subject = thumbprint(enrolled);
    return { ...by, kind: 'credential.enrolled', subject, details: credentialOf(enrolled) };
  }
  return lifeAt(index, id(Math.floor(index / perOrder)), id(0xf000_0000 + Math.floor(index / perOrder)));
}

/** The entry at one place of an order's life: its five, spread among readings. */
function lifeAt(index: number, order: string, disclosure: string): LedgerEntry {
  switch (index % perOrder) {
    case 20:
      return {
        ...byPerson(index, 'registrar'),
        kind: 'order.recorded',
        subject: order,
        commitments: { order: digest(index), document: digest(index + 1) },
        details: orderOf(index),
      };
    case 30:
      return {
        ...byPerson(index, 'reviewer'),
        kind: 'order.approved',
        subject: order,
        details: { version: 1 },
      };
    case 40: {
      const details = { orderId: order, orderVersion: 1 };
      const commitments = { request: digest(index) };
      return {
        ...byPerson(index, 'officer'),
        kind: 'disclosure.requested',
        subject: disclosure,
        commitments,
        details,
      };
    }
    case 41:
      return {
        ...byService(index),
        kind: 'disclosure.released',
        subject: disclosure,
        details: {
          orderId: order,
          packageId: disclosure,
          records: 1_000,
          parts: 2,
          bytes: 100_000,
          completeness: 'complete',
          manifestSha256: digest(index),
        },
      };
    case 50:
      return {
        ...byPerson(index, 'officer'),
        kind: 'disclosure.collected',
        subject: disclosure,
        details: { bytes: 100_000 },
      };
    default:
      return { ...byPerson(index, 'auditor'), kind: 'access.granted', details: { route: 'GET /v1/orders' } };
  }
}

type Given = Pick<LedgerEntry, 'v' | 'id' | 'at' | 'actor' | 'evidence'>;

function byService(index: number): Given {
  const at = start + index * 1000;
  return { v: 1, id: uuidv7({ msecs: at }), at: utc(at), actor: { service: 'disclosure' } };
}

function byPerson(index: number, role: Who): Given {
  const at = start + index * 1000;
  const claims = {
    iss: role,
    aud: audience,
    htm: 'GET',
    htu: `${audience}/v1/orders`,
    iat: Math.floor(at / 1000),
    jti: String(index).padStart(22, '0'),
    bdh: 'A'.repeat(43),
  };
  const head = encoded({ typ: 'griffie-proof+jwt', alg: 'ES256', kid: thumbprint(role) });
  const evidence = `${head}.${encoded(claims)}.${'A'.repeat(86)}`;
  return { ...byService(index), actor: { credential: thumbprint(role), role }, evidence };
}

function credentialOf(role: Who): LedgerEntry['details'] {
  return {
    credentialId: role,
    personId: role,
    role,
    algorithm: 'ES256',
    publicKey: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) },
    thumbprint: thumbprint(role),
    notBefore: utc(start),
    notAfter: '2096-11-22T09:00:00.000Z',
  };
}

function orderOf(index: number): LedgerEntry['details'] {
  const at = start + index * 1000;
  return {
    version: 1,
    regime: 'NL_DOMESTIC',
    regimeVersion: '1',
    type: 'produce',
    issuingState: 'NL',
    emergency: false,
    categories: ['sender', 'recipient'],
    targetCount: 1,
    receivedAt: utc(at),
    validUntil: utc(at + 30 * 86_400_000),
  };
}
