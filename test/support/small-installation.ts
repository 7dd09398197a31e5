import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { type Installation, openInstallation } from '#services/disclosure';
import { createNoteSigner, type LedgerEntry, type NoteSigner } from '#shared/ledger';
import { utc } from '#shared/runtime';
import { generateKey } from '#shared/signed-request';
import { createTestClock, type TestClock } from './test-clock.ts';
import { audience, testStart } from './test-service.ts';

/** An installation's ledger and keys in folders, without the service over it. */
export interface SmallInstallation {
  readonly clock: TestClock;
  readonly ledgerFolder: string;
  readonly keyFolder: string;
  path(name: string): string;
  open(): Promise<Installation>;
  /** Opens it, appends entries that the rules allow, and closes it. */
  append(count: number): Promise<void>;
  /** The ledger's key as it is in the key folder. */
  signer(): Promise<NoteSigner>;
  /** A copy of the ledger folder. */
  copy(name: string): Promise<string>;
  remove(): Promise<void>;
}

/** A ledger of five entries. */
export async function makeSmallInstallation(): Promise<SmallInstallation> {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-installation-'));
  const path = (name: string): string => join(folder, name);
  const clock = createTestClock(testStart);
  const [ledgerFolder, keyFolder] = [path('ledger'), path('keys')];
  const open = () => openInstallation({ ledgerFolder, keyFolder, publicUrl: audience, clock });

  const first = await open();
  const { keys } = first;
  const { kid: thumbprint, alg, publicJwk } = await generateKey('ES256');
  const validity = { notBefore: testStart, notAfter: utc(Date.parse(testStart) + 365 * 86_400_000) };
  const names = { credentialId: 'first-administrator', personId: 'first-administrator' };
  const key = { algorithm: alg, publicKey: { ...publicJwk }, thumbprint };
  const enrolment = { ...names, role: 'administrator', ...key, ...validity };
  await first.ledger.append([
    entry('ledger.started', {
      software: '0',
      audience,
      retentionPeriod: 'P6M',
      manifestKey: { ...keys.manifestPublicKey },
    }),
    { ...entry('credential.enrolled', enrolment), subject: thumbprint },
    ...noise(3),
  ]);
  await first.ledger.close();

  return {
    clock,
    ledgerFolder,
    keyFolder,
    path,
    open,
    append: async (count) => {
      const { ledger } = await open();
      await ledger.append(noise(count));
      await ledger.close();
    },
    signer: async () => {
      const key = JSON.parse(await readFile(join(keyFolder, 'ledger-signing-key.json'), 'utf8'));
      return createNoteSigner(key.origin, key.privateKey);
    },
    copy: async (name) => {
      await cp(ledgerFolder, path(name), { recursive: true, filter: (from) => !from.endsWith('/lock') });
      return path(name);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Entries of minutes in which somebody knocked at the door. */
export function noise(count: number): LedgerEntry[] {
  const details = { from: testStart, to: testStart, counts: [{ code: 'request.not_found', count: 1 }] };
  return Array.from({ length: count }, () => entry('access.noise', details));
}

export function entry(kind: LedgerEntry['kind'], details: object): LedgerEntry {
  const id = uuidv7();
  return { v: 1, kind, id, at: testStart, actor: { service: 'disclosure' }, details: { ...details } };
}
