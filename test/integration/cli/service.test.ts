import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPackage } from '#shared/disclosure-package';
import { createNoteSigner, generateNoteKey, parseVerifierKey } from '#shared/ledger';
import { generateKey } from '#shared/signed-request';
import { verifyReleaseReceipt } from '../../../services/cli/release-receipt.ts';
import { audience } from '../../support/test-service.ts';
import { run } from '../../unit/cli/support.ts';
import { fetchFrom, type ServiceUnderTest, startService } from './against-service.ts';

let world: ServiceUnderTest;
let registrar: string;
let reviewer: string;
let officer: string;
let identity: string;

beforeAll(async () => {
  world = await startService();
  registrar = await world.person('registrar', 'j-devries');
  reviewer = await world.person('reviewer', 'm-bakker');
  officer = await world.person('officer', 'a-jansen');
  identity = world.folder.path('identity.txt');
});
afterAll(() => world.stop());

let drafts = 0;

/** Records an order by the command line; the id that it was given. */
async function record(change: object = {}): Promise<string> {
  const { griffie, folder, service } = world;
  if (!existsSync(identity)) await griffie('key', 'recipient', '--out', identity);
  const encryptionKey = /public key: (age1\w+)/.exec(readFileSync(identity, 'utf8'))?.[1];
  const draft = { ...service.orderDraft(), recipients: [{ name: 'Parket', encryptionKey }], ...change };
  const order = folder.write(`order-${++drafts}.json`, draft);
  const document = folder.write('order.pdf', '%PDF-1.7\nthe order\nstartxref\n0\n%%EOF\n');
  const ran = await griffie(
    'order',
    'record',
    '--as',
    registrar,
    '--order',
    order,
    '--document',
    document,
    '--json',
  );
  if (ran.exitCode !== 0) throw new Error(ran.stderr);
  return String(ran.json().orderId);
}

/** Requests all of an approved order and waits for it; the disclosure's id. */
async function release(orderId: string): Promise<string> {
  const args = ['disclosure', 'request', '--as', officer, '--order', orderId, '--wait', '--json'];
  const requested = await world.griffie(...args);
  expect(requested.json()).toMatchObject({ ready: true });
  return String(requested.json().disclosureId);
}

describe('an order', () => {
  it('is recorded, shown, fetched, estimated and approved', async () => {
    const { griffie, folder } = world;
    const id = await record();
    expect((await griffie('order', 'list', '--as', registrar)).stdout).toMatch(
      new RegExp(`^${id}\\s+AwaitingApproval`, 'm'),
    );
    expect((await griffie('order', 'show', id, '--as', reviewer)).stdout).toContain('13/123456-26');
    const copy = folder.path('copy.pdf');
    await griffie('order', 'document', id, '--as', reviewer, '--out', copy);
    expect(readFileSync(copy, 'utf8')).toBe('%PDF-1.7\nthe order\nstartxref\n0\n%%EOF\n');
    expect((await griffie('order', 'estimate', id, '--as', reviewer, '--json')).json()).toEqual({
      counts: {},
      total: 0,
    });
    expect((await griffie('order', 'approve', id, '--as', reviewer, '--json')).json()).toMatchObject({
      status: 'Approved',
    });
  });

  it('that is incomplete is refused by the service, each missing member with its rule', async () => {
    const { griffie, folder, service } = world;
    const { issuedAt: _, validatedBy: __, ...draft } = service.orderDraft();
    const order = folder.write('incomplete.json', draft);
    const document = folder.write('order.pdf', '%PDF-1.7\nstartxref\n0\n%%EOF\n');
    const ran = await griffie(
      'order',
      'record',
      '--as',
      registrar,
      '--order',
      order,
      '--document',
      document,
      '--json',
    );
    expect(ran.exitCode).toBe(1);
    expect(ran.error().code).toBe('order.invalid');
    expect(ran.error().problems?.map(({ rule }) => rule)).toEqual([
      'order.issued_at',
      'nl.prior_authorisation',
    ]);
  });

  it('is rejected with a reason', async () => {
    const id = await record();
    const ran = await world.griffie(
      'order',
      'reject',
      id,
      '--as',
      reviewer,
      '--reason',
      'disproportionate',
      '--json',
    );
    expect(ran.json()).toMatchObject({ status: 'Rejected' });
  });

  it('needs a document that is one', async () => {
    const text = world.folder.write('order.txt', 'the order');
    const order = world.folder.write('order.json', {});
    const ran = await world.griffie(
      'order',
      'record',
      '--as',
      registrar,
      '--order',
      order,
      '--document',
      text,
      '--json',
    );
    expect({ exitCode: ran.exitCode, code: ran.error().code }).toEqual({
      exitCode: 2,
      code: 'order.document',
    });
  });
});

describe('refusals of the service', () => {
  it.each([
    [
      'own registration',
      (id: string) => ['order', 'approve', id, '--as', 'ownReviewer'],
      'order.own_registration',
    ],
    [
      'no approval',
      (id: string) => ['disclosure', 'request', '--as', 'officer', '--order', id],
      'order.not_approved',
    ],
    ['another role', (id: string) => ['order', 'approve', id, '--as', 'officer'], 'access.role'],
    [
      'an unknown order',
      () => ['disclosure', 'request', '--as', 'officer', '--order', '01890000-0000-7000-8000-000000000000'],
      'order.unknown',
    ],
  ])('for %s are exit code 1, the code, and what to do', async (_, args, code) => {
    const files: Record<string, string> = {
      officer,
      ownReviewer: await world.person('reviewer', 'j-devries'),
    };
    const command = args(await record()).map((arg) => files[arg] ?? arg);
    const ran = await world.griffie(...command, '--json');
    expect({ exitCode: ran.exitCode, code: ran.error().code }).toEqual({ exitCode: 1, code });
    const shown = await world.griffie(...command);
    expect(shown.stderr).toMatch(new RegExp(`^griffie: [^\\n]+\\. \\(${code}\\)\\n$`));
  });

  it('name a scope that is wider than the order', async () => {
    const id = await record();
    await world.griffie('order', 'approve', id, '--as', reviewer);
    const request = ['disclosure', 'request', '--as', officer, '--order', id];
    const wide = await world.griffie(
      ...request,
      '--target',
      'address=bob@example.nl',
      '--from',
      '2020-01-01T00:00:00Z',
      '--json',
    );
    expect(wide.error().code).toBe('scope.target_not_in_order');
    expect(wide.error().problems?.[0]?.sentence).toContain('scope.window_not_in_order');
    const subaddresses = await world.griffie(
      ...request,
      '--target',
      'address=alice@example.nl',
      '--subaddresses',
      '--json',
    );
    expect(subaddresses.error().code).toBe('scope.target_not_in_order');
  });

  it('of a revoked credential name the way out', async () => {
    const lost = await world.person('auditor', 'k-smit');
    const { thumbprint } = JSON.parse(readFileSync(lost, 'utf8'));
    await world.griffie('credential', 'revoke', thumbprint, '--as', world.administrator, '--reason', 'lost');
    const listed = await world.griffie('credential', 'list', '--as', world.administrator);
    expect(listed.stdout).toMatch(new RegExp(`revoked .*${thumbprint}`));
    const ran = await world.griffie('order', 'list', '--as', lost, '--json');
    expect(ran.error()).toMatchObject({
      code: 'proof.key_revoked',
      message: expect.stringContaining('administrator'),
    });
  });
});

describe('a disclosure', () => {
  let orderId: string;
  let packageFile: string;
  const open = (file: string, out: string, ...more: string[]) =>
    world.griffie(
      'package',
      'open',
      file,
      '--identity',
      identity,
      '--keys',
      world.pins,
      '--out',
      out,
      ...more,
    );

  beforeAll(async () => {
    orderId = await record();
    await world.griffie('order', 'approve', orderId, '--as', reviewer);
    packageFile = world.folder.path('package.tar');
    const id = await release(orderId);
    const fetched = await world.griffie(
      'disclosure',
      'fetch',
      id,
      '--as',
      officer,
      '--out',
      packageFile,
      '--json',
    );
    expect(fetched.json()).toMatchObject({
      bytes: readFileSync(packageFile).length,
      sha256: createHash('sha256').update(readFileSync(packageFile)).digest('hex'),
    });
    const followed = await world.griffie('disclosure', 'status', id, '--as', officer, '--follow');
    expect(followed.stdout).toContain('griffie disclosure fetch');
    expect(followed.stderr).toMatch(/^DisclosureNotAvailable, \d+ records, \d+\.\d MB$/m);
    const cancelled = await world.griffie('disclosure', 'cancel', id, '--as', officer, '--json');
    expect([cancelled.exitCode, cancelled.error().code]).toEqual([1, 'disclosure.ended']);
  });

  it('is opened and verified down to the ledger entry that announced it', async () => {
    const out = world.folder.path('opened');
    const ran = await open(packageFile, out, '--order-id', orderId);
    expect({ exitCode: ran.exitCode, stderr: ran.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(ran.stdout).toMatch(
      /entry \d+ of the ledger griffie\.example\.nl\/ledger announced this manifest/,
    );
    expect(readdirSync(out).sort()).toEqual(['VERIFY.txt', 'manifest.jws', 'manifest.tlog-proof', 'parts']);
  });

  it('is not opened over a folder that is there', async () => {
    const ran = await open(packageFile, world.folder.path(''), '--json');
    expect({ exitCode: ran.exitCode, code: ran.error().code }).toEqual({ exitCode: 2, code: 'file.exists' });
  });

  it('is refused where it is for another order, and nothing is left', async () => {
    const out = world.folder.path('other-order');
    const ran = await open(packageFile, out, '--order-id', '01890000-0000-7000-8000-000000000000', '--json');
    expect({ exitCode: ran.exitCode, code: ran.error().code }).toEqual({
      exitCode: 1,
      code: 'package.other_order',
    });
    expect(readdirSync(world.folder.path('')).filter((name) => name.startsWith('other-order'))).toEqual([]);
  });

  it('is refused with any one byte changed, and nothing is left', async () => {
    const bytes = readFileSync(packageFile);
    const places = Array.from({ length: 24 }, (_, i) => Math.floor(((i + 0.5) * bytes.length) / 24));
    for (const [i, place] of places.entries()) {
      const altered = Buffer.from(bytes);
      altered.writeUInt8(altered.readUInt8(place) ^ 1, place);
      const file = world.folder.path(`altered-${i}.tar`);
      writeFileSync(file, altered);
      const ran = await open(file, world.folder.path(`altered-${i}`), '--json');
      expect(ran.exitCode, `byte ${place}`).toBe(1);
      expect(ran.error().code).toMatch(/^(package|receipt)\./);
    }
    expect(readdirSync(world.folder.path('')).filter((name) => /^altered-\d+(?!.*tar$)/.test(name))).toEqual(
      [],
    );
  });

  it('is refused with the receipt of another release, of another entry, or of none', async () => {
    const secondId = await release(orderId);
    const second = world.folder.path('second.tar');
    await world.griffie('disclosure', 'fetch', secondId, '--as', officer, '--out', second);
    const pins = JSON.parse(readFileSync(world.pins, 'utf8'));
    const read = async (file: string, name: string) => {
      const opened = await readPackage({
        file,
        identities: [readFileSync(identity, 'utf8').trim().split('\n').at(-1) ?? ''],
        manifestKey: { kid: pins.manifestKeyId, jwk: pins.manifestKey },
        outFolder: world.folder.path(name),
      });
      if (!opened.ok) throw new Error(opened.code);
      return opened;
    };
    const [one, two] = [await read(packageFile, 'read-1'), await read(second, 'read-2')];
    const keys = { ledgerVerifier: parseVerifierKey(pins.ledgerKey), earlierLedgerKeys: [] };
    const withReceipt = (receipt: string) =>
      verifyReleaseReceipt({ ...one, receipt: Buffer.from(receipt) }, keys);
    const own = one.receipt.toString();
    expect(withReceipt(own)).toMatchObject({ ok: true });
    expect(withReceipt(two.receipt.toString())).toEqual({ ok: false, code: 'receipt.other_package' });
    const start = await world.service.ledger.inclusionReceipt(0);
    expect(withReceipt(start)).toEqual({ ok: false, code: 'receipt.not_a_release' });
    expect(withReceipt(own.replace(/^extra .*\n/m, ''))).toEqual({ ok: false, code: 'receipt.no_entry' });
    const moved = own.replace(/^index \d+/m, 'index 0');
    expect(withReceipt(moved)).toEqual({ ok: false, code: 'receipt.not_in_ledger' });
    expect(withReceipt('')).toEqual({ ok: false, code: 'receipt.malformed' });
  });

  it("is refused with another service's keys", async () => {
    const pins = JSON.parse(readFileSync(world.pins, 'utf8'));
    const ledgerKey = createNoteSigner('griffie.example.nl/ledger', generateNoteKey()).verifier.vkey;
    const manifest = await generateKey('EdDSA');
    const cases: [object, string][] = [
      [{ ...pins, ledgerKey }, 'receipt.not_in_ledger'],
      [{ ...pins, manifestKey: manifest.publicJwk, manifestKeyId: manifest.kid }, 'package.manifest_key'],
    ];
    for (const [content, code] of cases) {
      const keys = world.folder.write('foreign.json', content);
      const out = world.folder.path('foreign');
      const args = [
        'package',
        'open',
        packageFile,
        '--identity',
        identity,
        '--keys',
        keys,
        '--out',
        out,
        '--json',
      ];
      const ran = await world.griffie(...args);
      expect({ exitCode: ran.exitCode, code: ran.error().code }).toEqual({ exitCode: 1, code });
      expect(existsSync(out)).toBe(false);
    }
  });
});

describe('griffie service keys', () => {
  it('pins the keys and asks to compare them by another channel', async () => {
    const ran = await world.griffie('service', 'keys', '--url', audience);
    expect(ran.stdout).toContain(world.service.ledgerKey);
    expect(ran.stdout).toContain(world.service.manifestKey.kid);
    expect(ran.stdout).toMatch(/another channel/);
    expect(JSON.parse(readFileSync(world.pins, 'utf8'))).toMatchObject({
      audience,
      ledgerKey: world.service.ledgerKey,
    });
  });
});

describe('a computer whose clock is wrong', () => {
  it.each([
    ['behind', -3_600_000],
    ['ahead', 3_600_000],
  ])('signs by the service’s, and says so (%s)', async (_, off) => {
    const { service } = world;
    const wrong = { now: () => service.clock.now() + off, fetch: fetchFrom(service) };
    const ran = await run(['order', 'list', '--as', registrar, '--json'], wrong);
    expect(ran.stderr).toContain('clock is off by 3600 seconds');
    expect(ran.exitCode).toBe(0);
    expect((await service.entries()).at(-1)?.kind).toBe('access.granted');
    expect((await service.entries()).at(-2)?.details.code).toMatch(/^proof\.(stale|future)$/);
  });

  it('gets every other refusal as it is, and asks once', async () => {
    const before = (await world.service.entries()).length;
    const ran = await world.griffie('order', 'list', '--as', world.administrator, '--json');
    expect(ran.error().code).toBe('access.role');
    expect((await world.service.entries()).length).toBe(before + 1);
  });
});

describe('griffie credential', () => {
  const newKey = async (name: string): Promise<{ own: string; half: string; thumbprint: string }> => {
    const [own, half] = [world.folder.path(`${name}.json`), world.folder.path(`${name}.public.json`)];
    const names = ['--credential', name, '--service', audience];
    const made = await world.griffie('key', 'new', ...names, '--out', own, '--json');
    await world.griffie('key', 'public', '--as', own, '--out', half);
    return { own, half, thumbprint: String(made.json().thumbprint) };
  };
  const rowOf = async (thumbprint: string): Promise<string> => {
    const { stdout } = await world.griffie('credential', 'list', '--as', world.administrator);
    return stdout.split('\n').find((line) => line.endsWith(thumbprint)) ?? '';
  };

  it('enrols, confirms by the thumbprint, rotates, and lists states and last use', async () => {
    const [old, next] = [await newKey('p-visser-1'), await newKey('p-visser-2')];
    const who = ['--person', 'p-visser', '--role', 'auditor'];
    const enrolled = await world.griffie(
      'credential',
      'enrol',
      '--as',
      world.administrator,
      '--key',
      old.half,
      ...who,
    );
    expect(enrolled.stdout).toContain(`griffie credential confirm ${old.thumbprint}`);
    expect(await rowOf(old.thumbprint)).toMatch(/unconfirmed .* never /);

    const confirm = ['credential', 'confirm', '--as', world.secondAdministrator, ...who];
    expect((await world.griffie(...confirm, '--json')).error().code).toBe('usage.key');
    expect((await world.griffie(...confirm, old.thumbprint, '--key', old.half, '--json')).error().code).toBe(
      'usage.key',
    );
    expect((await world.griffie(...confirm, old.thumbprint)).exitCode).toBe(0);
    expect(await rowOf(old.thumbprint)).toMatch(/ valid .* never /);

    const rotated = await world.griffie('credential', 'rotate', '--as', old.own, '--key', next.half);
    expect(rotated.exitCode).toBe(0);
    const list = ['credential', 'list', '--json', '--as'];
    expect((await world.griffie(...list, old.own)).error().code).toBe('proof.key_revoked');
    expect((await world.griffie(...list, next.own)).exitCode).toBe(0);
    expect(await rowOf(old.thumbprint)).toContain(' rotated ');
    expect(await rowOf(next.thumbprint)).toMatch(/ valid .*Z +[0-9T:.-]+Z /);
  });
});
