import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedger, createNoteSigner, generateNoteKey, type LedgerEntry } from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';
import { generateKey, type SigningKey, signRequest } from '#shared/signed-request';
import { audience } from '../../support/test-service.ts';
import { type Folder, makeFolder, run } from '../../unit/cli/support.ts';
import { type ServiceUnderTest, startService } from './against-service.ts';

describe('griffie audit verify', () => {
  let world: ServiceUnderTest;
  let auditor: string;

  beforeAll(async () => {
    world = await startService();
    auditor = await world.person('auditor');
    await world.service.approvedOrder();
  });
  afterAll(() => world.stop());

  it('verifies the ledger of a service as an auditor', async () => {
    const ran = await world.griffie(
      'audit',
      'verify',
      audience,
      '--as',
      auditor,
      '--keys',
      world.pins,
      '--json',
    );
    expect(ran.stderr).toBe('');
    expect(ran.json()).toMatchObject({
      verified: true,
      origin: 'griffie.example.nl/ledger',
      keysPinned: true,
      counts: { 'ledger.started': 1, 'order.recorded': 1, 'order.approved': 1 },
    });
    expect(ran.json().entriesReplayed).toBe(ran.json().size);
    // All but the start and the administrators of the ceremony were somebody's request.
    expect(ran.json().signaturesVerified).toBe(Number(ran.json().size) - 3);
  });

  it('says that keys from the service itself prove less', async () => {
    const ran = await world.griffie('audit', 'verify', audience, '--as', auditor);
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain('The keys came from the service itself');
  });

  it('verifies a copy of the folder, and finds every byte that was changed in it', async () => {
    const copy = world.folder.path('copy');
    cpSync(world.ledgerFolder, copy, { recursive: true, filter: (path) => !path.endsWith('lock') });
    const verify = () => world.griffie('audit', 'verify', copy, '--keys', world.pins, '--json');
    const before = await verify();
    expect(before.json()).toMatchObject({ verified: true });
    const { size } = before.json();
    for (const name of ['checkpoint', `tile/entries/000.p/${size}`, `tile/0/000.p/${size}`]) {
      const bytes = readFileSync(`${copy}/${name}`);
      for (let place = 5; place < bytes.length; place += Math.ceil(bytes.length / 12)) {
        const altered = Buffer.from(bytes);
        altered.writeUInt8(altered.readUInt8(place) ^ 4, place);
        writeFileSync(`${copy}/${name}`, altered);
        const ran = await verify();
        expect({ exitCode: ran.exitCode, code: ran.error().code }, `${name} at ${place}`).toEqual({
          exitCode: 1,
          code: 'audit.not_verified',
        });
      }
      writeFileSync(`${copy}/${name}`, bytes);
    }
  });

  it.each([
    ['a folder without pinned keys', () => ['audit', 'verify', world.ledgerFolder], 2, 'usage'],
    ['a service without a credential', () => ['audit', 'verify', audience], 2, 'usage'],
    [
      "another service than the credential's",
      () => ['audit', 'verify', 'https://other.example.nl', '--as', auditor],
      2,
      'usage',
    ],
    [
      'a folder that is not there',
      () => ['audit', 'verify', '/nowhere', '--keys', world.pins],
      2,
      'file.missing',
    ],
    [
      'somebody who is no auditor',
      () => ['audit', 'verify', audience, '--as', world.administrator],
      1,
      'access.role',
    ],
  ])('refuses %s', async (_, args, exitCode, code) => {
    const ran = await world.griffie(...args(), '--json');
    expect({ exitCode: ran.exitCode, code: ran.error().code }).toEqual({ exitCode, code });
  });
});

describe('a ledger that is whole, but was not written by the rules,', () => {
  const signer = createNoteSigner('griffie.example.nl/ledger', generateNoteKey());
  let folder: Folder;
  let people: Record<'registrar' | 'reviewer', SigningKey>;
  let ledgers = 0;

  beforeAll(async () => {
    folder = makeFolder();
    people = { registrar: await generateKey('ES256'), reviewer: await generateKey('ES256') };
  });
  afterAll(() => folder.remove());

  const at = '2096-11-20T09:00:00.000Z';
  const orderId = uuidv7();
  const entry = (kind: string, details: object, more: object = {}): LedgerEntry =>
    ({ v: 1, kind, id: uuidv7(), at, actor: { service: 'disclosure' }, ...more, details }) as LedgerEntry;
  const enrolled = (name: 'registrar' | 'reviewer', personId: string): LedgerEntry =>
    entry(
      'credential.enrolled',
      {
        credentialId: name,
        personId,
        role: name,
        algorithm: 'ES256',
        publicKey: { ...people[name].publicJwk },
        thumbprint: people[name].kid,
        notBefore: at,
        notAfter: '2097-11-20T09:00:00.000Z',
      },
      { subject: people[name].kid },
    );
  const commitments = { order: 'ab'.repeat(32), document: 'cd'.repeat(32), request: 'ef'.repeat(32) };
  const by = async (
    name: 'registrar' | 'reviewer',
    key: SigningKey = people[name],
    call = { path: '/v1/orders', body: '{}' },
  ) => ({
    subject: orderId,
    actor: { credential: people[name].kid, role: name },
    ...(name === 'registrar' ? { commitments } : {}),
    evidence: await signRequest({
      privateKey: key.privateKey,
      alg: key.alg,
      kid: people[name].kid,
      credentialId: name,
      audience,
      method: 'POST',
      url: audience + call.path,
      body: Buffer.from(call.body),
      nowSeconds: Date.parse(at) / 1000,
    }),
  });
  const recorded = {
    version: 1,
    regime: 'NL_DOMESTIC',
    regimeVersion: '2096-11-22',
    type: 'produce',
    issuingState: 'NL',
    emergency: false,
    categories: ['sender'],
    targetCount: 1,
    receivedAt: at,
    validUntil: '2096-12-20T00:00:00.000Z',
  };

  const approval = { path: `/v1/orders/${orderId}/approval`, body: '' };

  /** Writes entries with the log's own key, as its operator could, and verifies what comes of it. */
  async function verify(entries: readonly LedgerEntry[]) {
    const path = folder.path(`ledger-${++ledgers}`);
    const ledger = await createLedger({ storage: createTileDirectory(path), signer });
    await ledger.append(entries);
    await ledger.close();
    const manifest = await generateKey('EdDSA');
    const pins = folder.write('pins.json', {
      audience,
      manifestKey: manifest.publicJwk,
      manifestKeyId: manifest.kid,
      ledgerKey: signer.verifier.vkey,
      retrievedAt: at,
    });
    return run(['audit', 'verify', path, '--keys', pins, '--json']);
  }

  const started = () =>
    entry('ledger.started', { software: '0', audience, retentionPeriod: 'P6M', manifestKey: {} });

  it('is told from one that was', async () => {
    const ran = await verify([
      started(),
      enrolled('registrar', 'a'),
      entry('order.recorded', recorded, await by('registrar')),
    ]);
    expect(ran.stderr).toBe('');
    expect(ran.json()).toMatchObject({ verified: true, size: 3, signaturesVerified: 1 });
  });

  it.each([
    [
      'an approval by the person who recorded it',
      async () => [
        started(),
        enrolled('registrar', 'same'),
        entry('order.recorded', recorded, await by('registrar')),
        entry('order.approved', { version: 1 }, await by('registrar', people.registrar, approval)),
      ],
      'entry.impossible',
    ],
    [
      'a release that nobody requested',
      async () => [
        started(),
        entry(
          'disclosure.released',
          {
            orderId,
            packageId: uuidv7(),
            records: 1,
            parts: 2,
            bytes: 10,
            completeness: 'complete',
            manifestSha256: 'ab'.repeat(32),
          },
          { subject: uuidv7() },
        ),
      ],
      'entry.impossible',
    ],
    [
      "a registrar's act without the registrar's signature",
      async () => {
        const { evidence: _, ...unsigned } = await by('registrar');
        return [started(), enrolled('registrar', 'a'), entry('order.recorded', recorded, unsigned)];
      },
      'entry.evidence',
    ],
    [
      "a registrar's act that another key signed",
      async () => [
        started(),
        enrolled('registrar', 'a'),
        entry('order.recorded', recorded, await by('registrar', people.reviewer)),
      ],
      'entry.evidence',
    ],
    [
      'a credential that no administrator enrolled',
      async () => [started(), enrolled('registrar', 'a'), enrolled('reviewer', 'b')],
      'entry.evidence',
    ],
  ])('is found by %s', async (_, entries, rule) => {
    const ran = await verify(await entries());
    expect(ran.exitCode).toBe(1);
    expect(ran.error().problems).toEqual([expect.objectContaining({ rule })]);
  });
});
