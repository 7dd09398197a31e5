import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memberNames } from '#shared/disclosure-package';
import { utc } from '#shared/runtime';
import { testEvent } from '../support/events.ts';
import { createFaultyLedgerFiles, type FaultyLedgerFiles } from '../support/faulty-ledger-files.ts';
import { openTestEngine, type TestEngine } from '../support/test-engine.ts';
import { type Person, startTestService, type TestService } from '../support/test-service.ts';

/*
 * One installation that is stopped and started again: same folder, same keys, same ledger, a new service.
 * The power fails at chosen steps of the ledger's storage; from then on the old service writes nothing.
 */

class Installation {
  readonly t: TestService;
  readonly files: FaultyLedgerFiles;
  readonly registrar: Person;
  readonly reviewer: Person;
  readonly officer: Person;

  constructor(t: TestService, files: FaultyLedgerFiles, people: readonly [Person, Person, Person]) {
    this.t = t;
    this.files = files;
    [this.registrar, this.reviewer, this.officer] = people;
  }

  get packages(): string {
    return join(this.t.folder, 'packages');
  }

  /** The old service stops where it is; storage works again, and a new service starts. */
  async restart(whileDown: () => Promise<unknown> = async () => {}): Promise<void> {
    await this.t.restart(async () => {
      await whileDown();
      this.files.repair();
    });
    await listen(this.t);
  }

  recordedOrder(value = 'alice@example.nl'): Promise<string> {
    const draft = this.t.orderDraft();
    const scope = { ...draft.scope, targets: [{ kind: 'address' as const, value }] };
    return this.t.record(this.registrar, { ...draft, scope });
  }

  async approvedOrder(value?: string): Promise<string> {
    const orderId = await this.recordedOrder(value);
    const answer = await this.reviewer.call('POST', `/v1/orders/${orderId}/approval`);
    if (answer.status !== 200) throw new Error(`not approved: ${answer.body.code}`);
    return orderId;
  }

  async request(orderId: string): Promise<string> {
    const answer = await this.officer.call('POST', '/v1/disclosures', { body: { orderId } });
    if (answer.status !== 202) throw new Error(`not accepted: ${answer.body.code}`);
    return answer.body.disclosureId;
  }

  async entriesOf(id: string): Promise<{ kind: string; details: Record<string, unknown> }[]> {
    const found = [];
    for await (const { entry } of this.t.ledger.entries()) {
      if (entry.subject === id) found.push({ kind: entry.kind, details: { ...entry.details } });
    }
    return found;
  }

  /** Waits for the package, and checks that it is the one that the ledger's only announcement names. */
  async expectOnePackage(disclosureId: string): Promise<void> {
    const path = `/v1/disclosures/${disclosureId}`;
    await until(async () => (await this.officer.call('GET', path)).body.ready === true);
    const announced = (await this.entriesOf(disclosureId)).filter(
      ({ kind }) => kind === 'disclosure.released',
    );
    expect(announced).toHaveLength(1);
    expect((await this.entriesOf(disclosureId)).map(({ kind }) => kind)).not.toContain('disclosure.failed');
    const { status, bytes } = await this.officer.call('GET', `${path}/package`);
    expect(status).toBe(200);
    expect(firstMemberSha256(bytes)).toBe(announced[0]?.details.manifestSha256);
    expect((await readdir(this.packages)).filter((name) => !name.endsWith('.sealed'))).toEqual([]);
  }
}

const listen = (t: TestService) => t.service.start({ host: '127.0.0.1', port: 0 });

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

let engine: TestEngine;
let engineFolder: string;
const released = 'disclosure.released';

beforeAll(async () => {
  engineFolder = await mkdtemp(join(tmpdir(), 'griffie-test-'));
  engine = await openTestEngine(join(engineFolder, 'engine'));
  await engine.store.insertEvents([testEvent()], { deduplicationToken: 'a' });
});
afterAll(async () => {
  await engine.store.close();
  await rm(engineFolder, { recursive: true, force: true });
});

async function withInstallation(run: (at: Installation) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-test-'));
  const files = createFaultyLedgerFiles(join(folder, 'ledger'));
  const t = await startTestService({ folder, engine, storage: files });
  await listen(t);
  const people = [await t.enrol('registrar'), await t.enrol('reviewer'), await t.enrol('officer')] as const;
  try {
    await run(new Installation(t, files, people));
  } finally {
    files.repair();
    await t.stop();
  }
}

describe('a release that is cut off becomes one package with one announcement, the same one', () => {
  const staged = (at: Installation, id: string) => async () =>
    (await readdir(at.packages)).includes(`${id}.staged`);

  it.each(['beforeStage', 'beforeSwap'] as const)('before the announcement is durable: %s', (fault) =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      at.files.breakdown(fault, released);
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
      at.files.breakdown('doubt', released);
      const id = await at.request(orderId);
      await until(staged(at, id));
      await new Promise((resolve) => setTimeout(resolve, 300));
      await at.restart();
      await at.expectOnePackage(id);
    }));

  it('while the outcome of the announcement is in doubt, without a restart', () =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      at.files.breakdown('doubt', released);
      const id = await at.request(orderId);
      await until(staged(at, id));
      await new Promise((resolve) => setTimeout(resolve, 300));
      at.files.repair();
      // Nobody asks anything meanwhile: the next attempt itself must find out.
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await at.expectOnePackage(id);
    }));

  it('also where the doubt outlasts every attempt', () =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      at.files.breakdown('doubt', released);
      const id = await at.request(orderId);
      await new Promise((resolve) => setTimeout(resolve, 8_000));
      expect(await staged(at, id)()).toBe(true);
      await at.restart();
      await at.expectOnePackage(id);
    }));

  it('while it is sealed', () =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      at.files.breakdown('beforeStage', released);
      const id = await at.request(orderId);
      const obstacle = join(at.packages, `${id}.receipt`);
      await mkdir(obstacle);
      at.files.repair();
      await until(async () => (await at.entriesOf(id)).some(({ kind }) => kind === released));
      const view = await at.officer.call('GET', `/v1/disclosures/${id}`);
      expect(view.body.ready).toBe(false);
      expect((await at.officer.call('GET', `/v1/disclosures/${id}/package`)).body.code).toBe(
        'disclosure.not_ready',
      );
      await at.restart(() => rmdir(obstacle));
      await at.expectOnePackage(id);
    }));

  it('after it was sealed, where another staging folder was left', () =>
    withInstallation(async (at) => {
      const id = await at.request(await at.approvedOrder());
      await at.expectOnePackage(id);
      const before = await readFile(join(at.packages, `${id}.sealed`, memberNames.receipt));
      await at.restart(() => mkdir(join(at.packages, `${id}.staged/parts`), { recursive: true }));
      await until(async () => (await readdir(at.packages)).length === 1);
      await at.expectOnePackage(id);
      expect(await readFile(join(at.packages, `${id}.sealed`, memberNames.receipt))).toEqual(before);
    }));

  it('and a package that no entry announces is never served', () =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      at.files.breakdown('beforeStage', released);
      const id = await at.request(orderId);
      await until(staged(at, id));
      await mkdir(join(at.packages, `${id}.sealed`));
      const path = `/v1/disclosures/${id}`;
      expect((await at.officer.call('GET', path)).body.ready).toBe(false);
      const fetched = await at.officer.call('GET', `${path}/package`);
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
        const proof = await at.officer.sign('POST', '/v1/disclosures', body);
        expect((await at.officer.call('POST', '/v1/disclosures', { body: json, proof })).status).toBe(status);
        used.push({ json, proof });
      }
      await at.restart();
      at.t.clock.advance(59_000);
      for (const { json, proof } of used) {
        const answer = await at.officer.call('POST', '/v1/disclosures', { body: json, proof });
        expect([answer.status, answer.body.code]).toEqual([401, 'proof.replayed']);
      }
    }));

  it('a revoked credential, a rejected order and an approved one', () =>
    withInstallation(async (at) => {
      const rejected = await at.recordedOrder();
      await at.reviewer.call('POST', `/v1/orders/${rejected}/rejection`, {
        body: { reason: 'inadmissible' },
      });
      const approved = await at.approvedOrder();
      await at.restart();
      for (const id of [rejected, approved]) {
        const again = await at.reviewer.call('POST', `/v1/orders/${id}/approval`);
        expect(again.body.code).toBe('order.decided');
      }
      const refused = await at.officer.call('POST', '/v1/disclosures', { body: { orderId: rejected } });
      expect(refused.body.code).toBe('order.rejected');
      const { kid } = at.officer.key;
      await at.t.administrator.call('POST', `/v1/credentials/${kid}/revocation`, {
        body: { reason: 'lost' },
      });
      await at.restart();
      const late = await at.officer.call('POST', '/v1/disclosures', { body: { orderId: approved } });
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
      at.files.breakdown(fault);
      const answer = await at.reviewer.call('POST', `/v1/orders/${orderId}/approval`);
      expect([answer.status, answer.body.code]).toEqual([503, code]);
      const during = await at.officer.call('POST', '/v1/disclosures', { body: { orderId } });
      expect(during.status).toBe(503);
      at.files.repair();
      const kinds = (await at.entriesOf(orderId)).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'order.approved').length).toBeLessThanOrEqual(1);
      const after = await at.reviewer.call('GET', `/v1/orders/${orderId}`);
      expect(after.body.status).toBe(isIn ? 'Approved' : 'AwaitingApproval');
      await at.restart();
      const later = await at.reviewer.call('GET', `/v1/orders/${orderId}`);
      expect(later.body.status).toBe(after.body.status);
    }),
  );
});

describe('a case file that is not the one recorded releases nothing', () => {
  const caseFile = (at: Installation, orderId: string, name = 'order-v1') =>
    join(at.t.folder, 'cases', orderId, `${name}.age`);

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
      const approval = await at.reviewer.call('POST', `/v1/orders/${waiting}/approval`);
      expect([approval.status, approval.body.code]).toEqual([500, 'order.case_file']);
      const request = await at.officer.call('POST', '/v1/disclosures', { body: { orderId: approved } });
      expect([request.status, request.body.code]).toEqual([500, 'order.case_file']);
      expect((await at.entriesOf(waiting)).map(({ kind }) => kind)).toEqual(['order.recorded']);
    }),
  );

  it.each(["another order's", 'missing'] as const)('%s, between the request and the release', (name) =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      const extra = name === 'missing' ? undefined : await at.approvedOrder('carol@example.nl');
      at.files.breakdown('beforeStage', released);
      const id = await at.request(orderId);
      await at.restart(async () => {
        if (extra) await copyFile(caseFile(at, extra), caseFile(at, orderId));
        else await rm(caseFile(at, orderId));
      });
      await until(
        async () => (await at.officer.call('GET', `/v1/disclosures/${id}`)).body.status === 'Error',
      );
      const last = (await at.entriesOf(id)).at(-1);
      expect(last).toMatchObject({
        kind: 'disclosure.failed',
        details: { code: extra ? 'case_file.altered' : 'case_file.missing' },
      });
      const fetched = await at.officer.call('GET', `/v1/disclosures/${id}/package`);
      expect(fetched.body.code).toBe('disclosure.failed');
      expect(await readdir(at.packages)).toEqual([]);
    }),
  );

  it('a refused request is kept with the order, so that the refusal can be decided again', () =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      const scope = { targets: [{ kind: 'address', value: 'carol@example.nl' }] };
      await at.officer.call('POST', '/v1/disclosures', { body: { orderId, scope } });
      const kept = (await readdir(join(at.t.folder, 'cases', orderId))).filter((name) =>
        /^request-0/.test(name),
      );
      expect(kept).toHaveLength(1);
      // Encrypted, like every case file.
      const bytes = await readFile(join(at.t.folder, 'cases', orderId, kept[0] ?? ''));
      expect(bytes.toString('latin1')).not.toContain('carol');
    }));
});

describe('an order that ends while its package is made', () => {
  it('releases nothing', () =>
    withInstallation(async (at) => {
      const orderId = await at.approvedOrder();
      at.files.breakdown('beforeStage', released);
      const id = await at.request(orderId);
      await at.restart(async () => at.t.clock.set('2096-12-20T00:00:00.001Z'));
      await until(
        async () => (await at.officer.call('GET', `/v1/disclosures/${id}`)).body.status === 'Error',
      );
      expect((await at.entriesOf(id)).at(-1)).toMatchObject({ details: { code: 'order.expired' } });
      expect(utc(at.t.clock.now())).toBe('2096-12-20T00:00:00.001Z');
      expect(await readdir(at.packages)).toEqual([]);
    }));
});
