import { v7 as uuidv7 } from 'uuid';
import { createLedger, type LedgerEntry, type LedgerStorage, type NoteSigner } from '#shared/ledger';
import { utc } from '#shared/runtime';
import { generateKey } from '#shared/signed-request';

const start = Date.parse('2026-11-22T09:00:00.000Z');
const batch = 256;

/**
 * Writes a ledger of many entries that the rules could have written: its beginning, and then one minute's
 * count of refusals after the other, which nobody has to sign.
 */
export async function writeLongLedger(
  storage: LedgerStorage,
  signer: NoteSigner,
  size: number,
): Promise<void> {
  const ledger = await createLedger({ storage, signer });
  await ledger.append(await beginning());
  for (let at = 2; at < size; at += batch) {
    const count = Math.min(batch, size - at);
    await ledger.append(Array.from({ length: count }, (_, i) => noiseAt(at + i)));
  }
  await ledger.close();
}

function envelope(index: number): Pick<LedgerEntry, 'v' | 'id' | 'at' | 'actor'> {
  const at = start + index * 60_000;
  return { v: 1, id: uuidv7({ msecs: at }), at: utc(at), actor: { service: 'disclosure' } };
}

async function beginning(): Promise<LedgerEntry[]> {
  const { kid, alg, publicJwk } = await generateKey('ES256');
  const audience = 'https://griffie.example.nl';
  return [
    {
      ...envelope(0),
      kind: 'ledger.started',
      details: { software: '0', audience, retentionPeriod: 'P6M', manifestKey: {} },
    },
    {
      ...envelope(1),
      kind: 'credential.enrolled',
      subject: kid,
      details: {
        credentialId: 'first-administrator',
        personId: 'first-administrator',
        role: 'administrator',
        algorithm: alg,
        publicKey: { ...publicJwk },
        thumbprint: kid,
        notBefore: utc(start),
        notAfter: '2036-11-22T09:00:00.000Z',
      },
    },
  ];
}

function noiseAt(index: number): LedgerEntry {
  const { at, ...given } = envelope(index);
  const from = utc(Date.parse(at) - 60_000);
  const counts = [{ code: 'proof.malformed', count: index }];
  return { ...given, at, kind: 'access.noise', details: { from, to: at, counts } };
}
