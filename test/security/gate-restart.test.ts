import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDisclosureService, type DisclosureService } from '#services/disclosure';
import { createMasterKey, generateMasterKey } from '#shared/case-files';
import type { Role } from '#shared/control';
import {
  createLedger,
  createNoteSigner,
  generateNoteKey,
  type Ledger,
  type LedgerStorage,
} from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';
import { silentLogger, utc } from '#shared/runtime';
import { generateKey, type SigningKey } from '#shared/signed-request';
import {
  createMigrations,
  createTrafficStore,
  defaultRetention,
  loadMigrations,
  openEmbeddedDatabase,
  type TrafficStore,
} from '#shared/store';
import { ceremonyAdministrator, enrolmentBody } from '../support/enrolment.ts';
import { testEvent } from '../support/events.ts';
import { type Signer, signCall } from '../support/signed-call.ts';
import { createTestClock } from '../support/test-clock.ts';
import { audience, orderBody, orderDraftFor, testStart } from '../support/test-service.ts';

/*
 * One installation that is stopped and started again: same folder, same keys, same ledger, a new service.
 * The power fails at chosen steps of the ledger's storage; from then on the old service writes nothing.
 */

/** What befalls the ledger's storage. `doubt`: the entries are in, and nobody can find out. */
type Fault = 'none' | 'beforeStage' | 'beforeSwap' | 'doubt';

interface Answer {
  readonly status: number;
  readonly bytes: Buffer;
  readonly body: Record<string, unknown>;
}

class Installation {
  readonly clock = createTestClock(testStart);
  readonly noteSigner = createNoteSigner('griffie.example.nl/ledger', generateNoteKey());
  readonly keys = new Map<Role, Signer>();
  folder = '';
  caseMasterKey = createMasterKey(generateMasterKey());
  manifestKey: SigningKey | undefined;
  recipient = '';
  fault: Fault = 'none';
  /** Only commits that hold this text meet the fault. */
  faultOn = '';
  service: DisclosureService | undefined;
  ledger: Ledger | undefined;
  #met = false;
  #secondAdministrator: Signer | undefined;

  async make(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), 'griffie-test-'));
    this.manifestKey = await generateKey('EdDSA');
    this.recipient = await identityToRecipient(await generateIdentity());
    for (const role of ['administrator', 'registrar', 'reviewer', 'officer'] as const) {
      this.keys.set(role, { key: await generateKey('ES256'), credentialId: role });
    }
    this.#secondAdministrator = { key: await generateKey('ES256'), credentialId: 'second' };
    await this.start();
    for (const role of ['registrar', 'reviewer', 'officer'] as const) {
      const body = await enrolmentBody(this.#candidate(role), role, role);
      const answer = await this.call('administrator', 'POST', '/v1/credentials', body);
      if (answer.status !== 201) throw new Error(`not enrolled: ${answer.body.code}`);
      const path = `/v1/credentials/${this.who(role).key.kid}/confirmation`;
      const proof = await this.#sign(
        this.#second(),
        'POST',
        path,
        Buffer.from(JSON.stringify({ personId: role, role })),
      );
      const confirmed = await this.call('administrator', 'POST', path, { personId: role, role }, proof);
      if (confirmed.status !== 200) throw new Error(`not confirmed: ${confirmed.body.code}`);
    }
  }

  #candidate(role: Role) {
    return { ...this.who(role), audience, now: this.clock.now() };
  }

  #second(): Signer {
    if (!this.#secondAdministrator) throw new Error('not made');
    return this.#secondAdministrator;
  }

  who(role: Role): Signer {
    const found = this.keys.get(role);
    if (!found) throw new Error('no such key');
    return found;
  }

  #storage(): LedgerStorage {
    const lock = async () => ({ isHeld: async () => true, release: async () => {} });
    const disk = createTileDirectory(join(this.folder, 'ledger'), undefined, lock);
    const fail = (): never => {
      throw Object.assign(new Error('input/output error'), { code: 'EIO' });
    };
    return {
      ...disk,
      stage: async (files) => {
        this.#met = files.some(({ bytes }) => Buffer.from(bytes).includes(this.faultOn));
        if (this.#met && this.fault === 'beforeStage') fail();
        await disk.stage(files);
      },
      swapCommitted: async (expected, next) => {
        if (this.#met && this.fault === 'beforeSwap') fail();
        return disk.swapCommitted(expected, next);
      },
      publish: async (checkpoint) => {
        if (this.#met && this.fault === 'doubt') fail();
        await disk.publish(checkpoint);
      },
      readCommitted: async () => {
        if (this.#met && this.fault === 'doubt') fail();
        return disk.readCommitted();
      },
    };
  }

  async start(): Promise<void> {
    const storage = this.#storage();
    this.ledger = await createLedger({ storage, signer: this.noteSigner });
    const manifest = this.manifestKey;
    if (!manifest) throw new Error('not made');
    this.service = await createDisclosureService({
      ledger: this.ledger,
      ledgerFiles: storage,
      ledgerKey: this.noteSigner.verifier.vkey,
      store,
      clock: this.clock,
      logger: silentLogger,
      manifestSigner: { kid: manifest.kid, privateKey: manifest.privateKey },
      caseMasterKey: this.caseMasterKey,
      caseFolder: join(this.folder, 'cases'),
      packageFolder: this.packages,
      operator: 'Example Mail',
      configuration: {
        software: '0',
        audience,
        retentionPeriod: 'P6M',
        manifestKey: { ...manifest.publicJwk },
      },
      ceremony: [
        await ceremonyAdministrator(this.#candidate('administrator')),
        await ceremonyAdministrator({ ...this.#second(), audience, now: this.clock.now() }),
      ],
    });
    await this.service.start({ host: '127.0.0.1', port: 0 });
  }

  get packages(): string {
    return join(this.folder, 'packages');
  }

  /** The old service stops where it is; storage works again, and a new service starts. */
  async restart(whileDown: () => Promise<unknown> = async () => {}): Promise<void> {
    await this.service?.close();
    await this.ledger?.close();
    await whileDown();
    this.repair();
    await this.start();
  }

  breakdown(fault: Fault, faultOn = ''): void {
    this.fault = fault;
    this.faultOn = faultOn;
  }

  repair(): void {
    this.fault = 'none';
  }

  sign(role: Role, method: string, path: string, body?: Buffer): Promise<string> {
    return this.#sign(this.who(role), method, path, body);
  }

  #sign(by: Signer, method: string, path: string, body?: Buffer): Promise<string> {
    return signCall(by, audience, { method, path, body }, this.clock.now());
  }

  async call(
    role: Role,
    method: 'GET' | 'POST',
    path: string,
    json?: unknown,
    given?: string,
  ): Promise<Answer> {
    const body = json === undefined ? undefined : Buffer.from(JSON.stringify(json));
    const proof = given ?? (await this.sign(role, method, path, body));
    const app = this.service?.app;
    if (!app) throw new Error('not started');
    const response = await app.inject({
      method,
      url: path,
      headers: { 'griffie-proof': proof, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { payload: body } : {}),
    });
    const isJson = String(response.headers['content-type']).includes('json');
    return {
      status: response.statusCode,
      bytes: response.rawPayload,
      body: isJson ? JSON.parse(response.payload) : {},
    };
  }

  async recordedOrder(value = 'alice@example.nl'): Promise<string> {
    const draft = orderDraftFor(this.recipient, ['sender', 'recipient']);
    const scope = { ...draft.scope, targets: [{ kind: 'address', value }] };
    const answer = await this.call('registrar', 'POST', '/v1/orders', orderBody({ ...draft, scope }));
    return String(answer.body.orderId);
  }

  async approvedOrder(value?: string): Promise<string> {
    const orderId = await this.recordedOrder(value);
    const answer = await this.call('reviewer', 'POST', `/v1/orders/${orderId}/approval`);
    if (answer.status !== 200) throw new Error(`not approved: ${answer.body.code}`);
    return orderId;
  }

  async request(orderId: string): Promise<string> {
    const answer = await this.call('officer', 'POST', '/v1/disclosures', { orderId });
    if (answer.status !== 202) throw new Error(`not accepted: ${answer.body.code}`);
    return String(answer.body.disclosureId);
  }

  async entriesOf(id: string): Promise<{ kind: string; details: Record<string, unknown> }[]> {
    const found = [];
    for await (const { entry } of this.ledger?.entries() ?? []) {
      if (entry.subject === id) found.push({ kind: entry.kind, details: { ...entry.details } });
    }
    return found;
  }

  /** Waits for the package, and checks that it is the one that the ledger's only announcement names. */
  async expectOnePackage(disclosureId: string): Promise<void> {
    await until(
      async () => (await this.call('officer', 'GET', `/v1/disclosures/${disclosureId}`)).body.ready === true,
    );
    const announced = (await this.entriesOf(disclosureId)).filter(
      ({ kind }) => kind === 'disclosure.released',
    );
    expect(announced).toHaveLength(1);
    expect((await this.entriesOf(disclosureId)).map(({ kind }) => kind)).not.toContain('disclosure.failed');
    const { status, bytes } = await this.call('officer', 'GET', `/v1/disclosures/${disclosureId}/package`);
    expect(status).toBe(200);
    expect(firstMemberSha256(bytes)).toBe(announced[0]?.details.manifestSha256);
    expect((await readdir(this.packages)).filter((name) => !name.endsWith('.tar'))).toEqual([]);
  }

  async end(): Promise<void> {
    await this.service?.close();
    await this.ledger?.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** SHA-256 of the first file of a tar archive: of `manifest.jws.age`. */
function firstMemberSha256(tar: Buffer): string {
  const size = Number.parseInt(tar.subarray(124, 135).toString('latin1'), 8);
  return createHash('sha256')
    .update(tar.subarray(512, 512 + size))
    .digest('hex');
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it did not come about');
}

let store: TrafficStore;
let engineFolder: string;
const released = 'disclosure.released';

beforeAll(async () => {
  engineFolder = await mkdtemp(join(tmpdir(), 'griffie-test-'));
  const database = await openEmbeddedDatabase({ folder: join(engineFolder, 'engine') });
  store = createTrafficStore(database, { retention: defaultRetention });
  const migrations = await loadMigrations();
  await createMigrations(database, { retention: defaultRetention, migrations }).apply();
  await store.insertEvents([testEvent()], { deduplicationToken: 'a' });
});
afterAll(async () => {
  await store.close();
  await rm(engineFolder, { recursive: true, force: true });
});

async function withInstallation(run: (at: Installation) => Promise<void>): Promise<void> {
  const installation = new Installation();
  await installation.make();
  try {
    await run(installation);
  } finally {
    installation.repair();
    await installation.end();
  }
}

describe('a release that is cut off becomes one package with one announcement, the same one', () => {
  const staged = (at: Installation, id: string) => async () =>
    (await readdir(at.packages)).includes(`${id}.staged`);

  it.each(['beforeStage', 'beforeSwap'] as const)('before the announcement is durable: %s', (fault) =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      at.breakdown(fault, released);
      const id = await at.request(orderId);
      await until(staged(at, id));
      await at.restart(async () =>
        expect((await at.entriesOf(id)).map(({ kind }) => kind)).not.toContain(released),
      );
      await at.expectOnePackage(id);
    }),
  );

  it('after the announcement became durable, before the service knew', () =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      at.breakdown('doubt', released);
      const id = await at.request(orderId);
      await until(staged(at, id));
      await new Promise((resolve) => setTimeout(resolve, 300));
      await at.restart();
      await at.expectOnePackage(id);
    }));

  it('while the outcome of the announcement is in doubt, without a restart', () =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      at.breakdown('doubt', released);
      const id = await at.request(orderId);
      await until(staged(at, id));
      await new Promise((resolve) => setTimeout(resolve, 300));
      at.repair();
      // Nobody asks anything meanwhile: the next attempt itself must find out.
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await at.expectOnePackage(id);
    }));

  it('also where the doubt outlasts every attempt', () =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      at.breakdown('doubt', released);
      const id = await at.request(orderId);
      await new Promise((resolve) => setTimeout(resolve, 8_000));
      expect(await staged(at, id)()).toBe(true);
      await at.restart();
      await at.expectOnePackage(id);
    }));

  it('while it is sealed', () =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      at.breakdown('beforeStage', released);
      const id = await at.request(orderId);
      const obstacle = join(at.packages, `${id}.tar.tmp`);
      await mkdir(obstacle);
      at.repair();
      await until(async () => (await at.entriesOf(id)).some(({ kind }) => kind === released));
      const view = await at.call('officer', 'GET', `/v1/disclosures/${id}`);
      expect(view.body.ready).toBe(false);
      expect((await at.call('officer', 'GET', `/v1/disclosures/${id}/package`)).body.code).toBe(
        'disclosure.not_ready',
      );
      await at.restart(() => rmdir(obstacle));
      await at.expectOnePackage(id);
    }));

  it('after it was sealed, while the staging folder was removed', () =>
    withInstallation(async (at) => {
      const id = await at.request(await at.approvedOrder());
      await at.expectOnePackage(id);
      const before = await readFile(join(at.packages, `${id}.tar`));
      await at.restart(() => mkdir(join(at.packages, `${id}.staged/parts`), { recursive: true }));
      await until(async () => (await readdir(at.packages)).length === 1);
      await at.expectOnePackage(id);
      expect(await readFile(join(at.packages, `${id}.tar`))).toEqual(before);
    }));

  it('and a file that no entry announces is never served', () =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      at.breakdown('beforeStage', released);
      const id = await at.request(orderId);
      await until(staged(at, id));
      await writeFile(join(at.packages, `${id}.tar`), 'planted');
      const path = `/v1/disclosures/${id}`;
      expect((await at.call('officer', 'GET', path)).body.ready).toBe(false);
      const fetched = await at.call('officer', 'GET', `${path}/package`);
      expect([fetched.status, fetched.body.code]).toEqual([409, 'disclosure.not_ready']);
    }));
});

describe('what was decided before a stop holds after it', () => {
  it('a signed request that was used, or refused, is refused by the next process', () =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      const unknown = '01890000-0000-7000-8000-000000000000';
      const used = [];
      for (const [json, status] of [
        [{ orderId }, 202],
        [{ orderId: unknown }, 404],
      ] as const) {
        const body = Buffer.from(JSON.stringify(json));
        const proof = await at.sign('officer', 'POST', '/v1/disclosures', body);
        expect((await at.call('officer', 'POST', '/v1/disclosures', json, proof)).status).toBe(status);
        used.push({ json, proof });
      }
      await at.restart();
      at.clock.advance(59_000);
      for (const { json, proof } of used) {
        const answer = await at.call('officer', 'POST', '/v1/disclosures', json, proof);
        expect([answer.status, answer.body.code]).toEqual([401, 'proof.replayed']);
      }
    }));

  it('a revoked credential, a rejected order and an approved one', () =>
    withInstallation(async (at) => {
      const rejected = await at.recordedOrder();
      await at.call('reviewer', 'POST', `/v1/orders/${rejected}/rejection`, { reason: 'inadmissible' });
      const approved = await at.approvedOrder();
      await at.restart();
      for (const id of [rejected, approved]) {
        const again = await at.call('reviewer', 'POST', `/v1/orders/${id}/approval`);
        expect(again.body.code).toBe('order.decided');
      }
      const refused = await at.call('officer', 'POST', '/v1/disclosures', { orderId: rejected });
      expect(refused.body.code).toBe('order.rejected');
      const { kid } = at.who('officer').key;
      await at.call('administrator', 'POST', `/v1/credentials/${kid}/revocation`, { reason: 'lost' });
      await at.restart();
      const late = await at.call('officer', 'POST', '/v1/disclosures', { orderId: approved });
      expect(late.body.code).toBe('proof.key_revoked');
    }));
});

describe('the ledger away at each step of a commit', () => {
  it.each([
    ['beforeStage', 'ledger.unavailable', false],
    ['beforeSwap', 'ledger.unavailable', false],
    ['doubt', 'ledger.in_doubt', true],
  ] as const)('%s: 503, and afterwards the whole act or nothing of it', (fault, code, isIn) =>
    withInstallation(async (at) => {
      const orderId = await at.recordedOrder();
      at.breakdown(fault);
      const answer = await at.call('reviewer', 'POST', `/v1/orders/${orderId}/approval`);
      expect([answer.status, answer.body.code]).toEqual([503, code]);
      const during = await at.call('officer', 'POST', '/v1/disclosures', { orderId });
      expect(during.status).toBe(503);
      at.repair();
      const kinds = (await at.entriesOf(orderId)).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'order.approved').length).toBeLessThanOrEqual(1);
      const after = await at.call('reviewer', 'GET', `/v1/orders/${orderId}`);
      expect(after.body.status).toBe(isIn ? 'Approved' : 'AwaitingApproval');
      await at.restart();
      const later = await at.call('reviewer', 'GET', `/v1/orders/${orderId}`);
      expect(later.body.status).toBe(after.body.status);
    }),
  );
});

describe('a case file that is not the one recorded releases nothing', () => {
  const caseFile = (at: Installation, orderId: string, name = 'order-v1') =>
    join(at.folder, 'cases', orderId, `${name}.age`);

  const tampering = {
    missing: (at: Installation, orderId: string) => rm(caseFile(at, orderId)),
    truncated: async (at: Installation, orderId: string) => {
      const bytes = await readFile(caseFile(at, orderId));
      await writeFile(caseFile(at, orderId), bytes.subarray(0, bytes.length - 1));
    },
    altered: async (at: Installation, orderId: string) => {
      const bytes = await readFile(caseFile(at, orderId));
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
      await writeFile(caseFile(at, orderId), bytes);
    },
    "another order's": async (at: Installation, orderId: string) =>
      copyFile(caseFile(at, await at.approvedOrder('carol@example.nl')), caseFile(at, orderId)),
    "the same order's document": async (at: Installation, orderId: string) =>
      copyFile(caseFile(at, orderId, 'document-v1'), caseFile(at, orderId)),
  };

  it.each(Object.entries(tampering))('%s, before the approval and before the request', (_name, tamper) =>
    withInstallation(async (at) => {
      const [waiting, approved] = [await at.recordedOrder(), await at.approvedOrder()];
      await tamper(at, waiting);
      await tamper(at, approved);
      const approval = await at.call('reviewer', 'POST', `/v1/orders/${waiting}/approval`);
      expect([approval.status, approval.body.code]).toEqual([500, 'order.case_file']);
      const request = await at.call('officer', 'POST', '/v1/disclosures', { orderId: approved });
      expect([request.status, request.body.code]).toEqual([500, 'order.case_file']);
      expect((await at.entriesOf(waiting)).map(({ kind }) => kind)).toEqual(['order.recorded']);
    }),
  );

  it.each(["another order's", 'missing'] as const)('%s, between the request and the release', (name) =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      const extra = name === 'missing' ? undefined : await at.approvedOrder('carol@example.nl');
      at.breakdown('beforeStage', released);
      const id = await at.request(orderId);
      await at.restart(async () => {
        if (extra) await copyFile(caseFile(at, extra), caseFile(at, orderId));
        else await rm(caseFile(at, orderId));
      });
      await until(
        async () => (await at.call('officer', 'GET', `/v1/disclosures/${id}`)).body.status === 'Error',
      );
      const last = (await at.entriesOf(id)).at(-1);
      expect(last).toMatchObject({
        kind: 'disclosure.failed',
        details: { code: extra ? 'case_file.altered' : 'case_file.missing' },
      });
      const fetched = await at.call('officer', 'GET', `/v1/disclosures/${id}/package`);
      expect(fetched.body.code).toBe('disclosure.failed');
      expect(await readdir(at.packages)).toEqual([]);
    }),
  );

  it('a refused request is kept with the order, so that the refusal can be decided again', () =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      const scope = { targets: [{ kind: 'address', value: 'carol@example.nl' }] };
      await at.call('officer', 'POST', '/v1/disclosures', { orderId, scope });
      const kept = (await readdir(join(at.folder, 'cases', orderId))).filter((name) =>
        /^request-0/.test(name),
      );
      expect(kept).toHaveLength(1);
      // Encrypted, like every case file.
      const bytes = await readFile(join(at.folder, 'cases', orderId, kept[0] ?? ''));
      expect(bytes.toString('latin1')).not.toContain('carol');
    }));
});

describe('an order that ends while its package is made', () => {
  it('releases nothing', () =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      at.breakdown('beforeStage', released);
      const id = await at.request(orderId);
      await at.restart(async () => at.clock.set('2096-12-20T00:00:00.001Z'));
      await until(
        async () => (await at.call('officer', 'GET', `/v1/disclosures/${id}`)).body.status === 'Error',
      );
      expect((await at.entriesOf(id)).at(-1)).toMatchObject({ details: { code: 'order.expired' } });
      expect(utc(at.clock.now())).toBe('2096-12-20T00:00:00.001Z');
      expect(await readdir(at.packages)).toEqual([]);
    }));
});
