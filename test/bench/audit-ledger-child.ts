import { createHash, createPrivateKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { v7 as uuidv7 } from 'uuid';
import { createLedger, createNoteSigner, generateNoteKey, type LedgerEntry } from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';
import { utc } from '#shared/runtime';
import { exportPrivateJwk, generateKey, proofType, type SigningKey } from '#shared/signed-request';
import { nodeDisk } from '../../shared/ledger-storage/disk.ts';

/*
 * Writes a ledger of signed readings, the commonest entry there is, and prints its verifier key.
 * Arguments: folder, number of entries.
 */

const audience = 'https://griffie.example.nl';
const start = Date.parse('2026-11-22T09:00:00.000Z');
const batch = 256;
const [folder = '', countText = ''] = process.argv.slice(2);
const count = Number(countText);
const write = (path: string, bytes: Uint8Array): Promise<void> => writeFile(path, bytes);

const [administrator, auditor] = [await generateKey('ES256'), await generateKey('ES256')];
const auditorKey = createPrivateKey({ key: { ...(await exportPrivateJwk(auditor)) }, format: 'jwk' });
const administratorKey = createPrivateKey({
  key: { ...(await exportPrivateJwk(administrator)) },
  format: 'jwk',
});
const signer = createNoteSigner('griffie.example.nl/ledger', generateNoteKey());
// Durability is measured elsewhere; here it would only make the making slow.
const quickDisk = { ...nodeDisk, writeSynced: write, syncFolder: async () => {} };
const ledger = await createLedger({ storage: createTileDirectory(folder, quickDisk), signer });

await ledger.append([
  entry(0, 'ledger.started', { software: '0', audience, retentionPeriod: 'P6M', manifestKey: {} }),
  entry(1, 'credential.enrolled', enrolment(administrator, 'administrator')),
]);
const enrolled = enrolment(auditor, 'auditor');
const { thumbprint: _, ...asked } = enrolled;
await ledger.append([
  {
    ...entry(2, 'credential.enrolled', enrolled),
    actor: { credential: administrator.kid, role: 'administrator' },
    evidence: proof(
      administrator,
      administratorKey,
      'administrator',
      2,
      'POST',
      '/v1/credentials',
      JSON.stringify(asked),
    ),
  },
]);
for (let at = 3; at < count; at += batch) {
  const indexes = Array.from({ length: Math.min(batch, count - at) }, (_, i) => at + i);
  await ledger.append(
    indexes.map((index) => ({
      ...entry(index, 'access.granted', { route: 'GET /v1/orders' }),
      actor: { credential: auditor.kid, role: 'auditor' as const },
      evidence: proof(auditor, auditorKey, 'auditor', index, 'GET', '/v1/orders', ''),
    })),
  );
}
await ledger.close();
process.stdout.write(`${JSON.stringify({ vkey: signer.verifier.vkey })}\n`);

function entry(index: number, kind: LedgerEntry['kind'], details: LedgerEntry['details']): LedgerEntry {
  const at = start + index * 1000;
  const { thumbprint } = details;
  const subject = typeof thumbprint === 'string' ? { subject: thumbprint } : {};
  const actor = { service: 'disclosure' };
  return { v: 1, kind, id: uuidv7({ msecs: at }), at: utc(at), actor, ...subject, details };
}

function enrolment(key: SigningKey, role: 'administrator' | 'auditor') {
  return {
    credentialId: role,
    personId: role,
    role,
    algorithm: key.alg,
    publicKey: { ...key.publicJwk },
    thumbprint: key.kid,
    notBefore: utc(start),
    notAfter: '2036-11-22T09:00:00.000Z',
  };
}

/** As `signRequest` makes them, without its promises: a million of them. */
function proof(
  { alg, kid }: SigningKey,
  key: KeyObject,
  credentialId: string,
  index: number,
  method: string,
  path: string,
  body: string,
): string {
  const claims = {
    iss: credentialId,
    aud: audience,
    htm: method,
    htu: audience + path,
    iat: start / 1000 + index,
    jti: randomBytes(16).toString('base64url'),
    bdh: createHash('sha256').update(body).digest('base64url'),
  };
  const text = [{ typ: proofType, alg, kid }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
