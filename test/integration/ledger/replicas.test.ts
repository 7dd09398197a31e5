import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openInstallation } from '#services/disclosure';
import { furtherTopics, type KafkaConfig, openTopicLog, topicNameOf } from '#shared/bus';
import { Replay } from '#shared/control';
import { type LedgerReader, verifyConsistency, verifyLog } from '#shared/ledger';
import { silentLogger } from '#shared/runtime';
import { freshTopics, type LocalBroker, startLocalBroker } from '../../support/kafka.ts';
import { describeWithLocalBroker } from '../../support/kafka-describe.ts';
import { entriesOf as ledgerEntries } from '../../support/ledger-entries.ts';
import { entriesOf, type Replica, Replicas, untilLevel, type Who } from '../../support/replicas.ts';
import { run } from '../../unit/cli/support.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const rounds = Number(process.env.ROUNDS ?? 4);
const text = async (files: LedgerReader): Promise<string> =>
  Buffer.from((await files.read('checkpoint')) ?? []).toString();

describeWithLocalBroker('replicas of the disclosure service over one topic', () => {
  let broker: LocalBroker;
  let kafka: KafkaConfig;
  let replicas: Replicas;
  let a: Replica;
  let b: Replica;
  let registrar: Who;

  const openOrder = () =>
    openTopicLog(kafka, topicNameOf(kafka, furtherTopics.ledger), { logger: silentLogger });

  beforeAll(async () => {
    broker = await startLocalBroker();
    kafka = await freshTopics(broker.brokers, 1);
    replicas = new Replicas(openOrder);
    await replicas.make();
    // Together, on an empty topic: one of the two begins the ledger.
    [a, b] = await Promise.all([replicas.start('a'), replicas.start('b')]);
    registrar = await replicas.enrol(a, 'registrar');
    await untilLevel(a, b);
  });
  afterAll(async () => {
    await a?.stop();
    await b?.stop();
    await replicas?.remove();
    await broker?.stop();
  });

  /** Both trees are one, their checkpoints the same bytes, and every decision follows from its prefix. */
  async function expectOneHistory(): Promise<void> {
    // What was overtaken may still be on its way to the topic, as a record that is void.
    for (let before = -1, now = 0; now !== before; now = await untilLevel(a, b)) {
      before = now;
      await sleep(500);
    }
    expect(await text(b.files)).toBe(await text(a.files));
    const verifiers = [replicas.verifier];
    const replay = new Replay();
    let size = 0;
    for await (const leaves of a.ledger.leaves()) {
      await replay.take(leaves, size);
      size += leaves.length;
    }
    expect(replay.report()).toMatchObject({ entries: size, problems: [] });
    for (const { files } of [a, b]) {
      expect(await verifyLog(files, { verifiers })).toMatchObject({ ok: true, size, problems: [] });
    }
  }

  it('begin one ledger, and follow each other', async () => {
    const officer = await replicas.enrol(b, 'officer');
    await untilLevel(a, b);
    expect((await a.call(officer, 'GET', '/v1/orders')).status).toBe(200);
    await untilLevel(a, b);
    expect((await entriesOf(b)).filter(({ kind }) => kind === 'ledger.started')).toHaveLength(1);
    await expectOneHistory();
  });

  it(`of one signed request sent to both at once, one is taken, ${rounds} times`, async () => {
    const reviewer = await replicas.enrol(a, 'reviewer');
    const officer = await replicas.enrol(a, 'officer');
    await untilLevel(a, b);
    const orderId = await replicas.record(a, registrar);
    expect((await a.call(reviewer, 'POST', `/v1/orders/${orderId}/approval`)).status).toBe(200);
    await untilLevel(a, b);
    const before = a.ledger.checkpoint().size;
    for (let round = 0; round < rounds; round++) {
      const body = { orderId };
      const proof = await replicas.sign(officer, 'POST', '/v1/disclosures', body);
      const answers = await Promise.all(
        [a, b, a, b].map((replica) => replica.call(officer, 'POST', '/v1/disclosures', body, proof)),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([202, 401, 401, 401]);
      expect(answers.filter(({ body: { code } }) => code === 'proof.replayed')).toHaveLength(3);
      await untilLevel(a, b);
    }
    const requested = (await entriesOf(b, before)).filter(({ kind }) => kind === 'disclosure.requested');
    expect(requested).toHaveLength(rounds);
    await expectOneHistory();
  });

  it(`of an approval and a rejection of one order, the first in the ledger stands, ${rounds} times`, async () => {
    const one = await replicas.enrol(a, 'reviewer');
    const other = await replicas.enrol(a, 'reviewer');
    for (let round = 0; round < rounds; round++) {
      const orderId = await replicas.record(a, registrar);
      await untilLevel(a, b);
      const [approval, rejection] = await Promise.all([
        a.call(one, 'POST', `/v1/orders/${orderId}/approval`),
        b.call(other, 'POST', `/v1/orders/${orderId}/rejection`, { reason: 'other' }),
      ]);
      expect([approval.status, rejection.status].sort()).toEqual([200, 409]);
      await untilLevel(a, b);
      const decisions = (await entriesOf(b)).filter(({ subject }) => subject === orderId).slice(1);
      const won = approval.status === 200 ? 'order.approved' : 'order.rejected';
      expect(decisions.map(({ kind }) => kind)).toEqual([won]);
    }
    await expectOneHistory();
  });

  it(`an approval and the revocation of its reviewer agree on which came first, ${rounds} times`, async () => {
    for (let round = 0; round < rounds; round++) {
      const reviewer = await replicas.enrol(a, 'reviewer');
      const orderId = await replicas.record(a, registrar);
      await untilLevel(a, b);
      const path = `/v1/credentials/${reviewer.key.kid}/revocation`;
      const [approval, revocation] = await Promise.all([
        a.call(reviewer, 'POST', `/v1/orders/${orderId}/approval`),
        b.call(replicas.administrator, 'POST', path, { reason: 'left' }),
      ]);
      expect(revocation.status).toBe(200);
      await untilLevel(a, b);
      const told = await entriesOf(b);
      const approvedAt = told.findIndex(
        ({ kind, subject }) => kind === 'order.approved' && subject === orderId,
      );
      const revokedAt = told.findIndex(
        ({ kind, subject }) => kind === 'credential.revoked' && subject === reviewer.key.kid,
      );
      expect(approvedAt >= 0).toBe(approval.status === 200);
      if (approval.status === 200) expect(approvedAt).toBeLessThan(revokedAt);
      else expect(approval.body.code).toBe('proof.key_revoked');
      // Afterwards it is revoked on both.
      for (const replica of [a, b]) {
        expect((await replica.call(reviewer, 'GET', '/v1/orders')).body.code).toBe('proof.key_revoked');
      }
    }
    await expectOneHistory();
  });

  it('make one package of a request, wherever it was made, and hand it out anywhere', async () => {
    const reviewer = await replicas.enrol(b, 'reviewer');
    const officer = await replicas.enrol(b, 'officer');
    const orderId = await replicas.record(b, registrar);
    await b.call(reviewer, 'POST', `/v1/orders/${orderId}/approval`);
    await untilLevel(a, b);
    const requested = await a.call(officer, 'POST', '/v1/disclosures', { orderId });
    expect(requested.status).toBe(202);
    const path = `/v1/disclosures/${requested.body.disclosureId}`;
    await untilLevel(a, b);
    for (let tries = 0; !(await b.call(officer, 'GET', path)).body.ready; tries++) {
      if (tries > 200) throw new Error('no package');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect((await b.call(officer, 'GET', `${path}/package`)).status).toBe(200);
    const announced = (await entriesOf(b)).filter(
      ({ kind, subject }) => kind === 'disclosure.released' && subject === requested.body.disclosureId,
    );
    expect(announced).toHaveLength(1);
    await expectOneHistory();
  });

  it('are level again after one was away, and after it lost its disk', async () => {
    await b.stop();
    for (let i = 0; i < 20; i++) expect((await a.call(registrar, 'GET', '/v1/orders')).status).toBe(200);
    b = await replicas.start('b');
    await expectOneHistory();
    await b.stop();
    // Another folder: nothing of its own.
    b = await replicas.start('b-anew');
    await expectOneHistory();
    expect((await b.call(registrar, 'GET', '/v1/orders')).status).toBe(200);
    await expectOneHistory();
  });

  it('take over a ledger that was kept in a folder, entry for entry', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'griffie-seed-'));
    const [ledgerFolder, keyFolder] = [join(folder, 'ledger'), join(folder, 'keys')];
    const options = {
      ledgerFolder,
      keyFolder,
      publicUrl: 'https://griffie.example.nl',
      clock: replicas.clock,
    };
    const before = await openInstallation(options);
    await before.ledger.append(ledgerEntries(40));
    const { root } = before.ledger.checkpoint();
    await before.ledger.close();
    const { topicPrefix } = await freshTopics(broker.brokers, 1);
    const args = ['--data', folder, '--keys', keyFolder, '--brokers', broker.brokers.join()];
    const env = { KAFKA_TLS: 'off', KAFKA_TOPIC_PREFIX: topicPrefix };
    const seeded = await run(['topics', 'seed-ledger', ...args], { env });
    expect(seeded.stdout).toContain('40 entries put into');
    expect(seeded.stdout).toContain('ledger-topic-secret.txt');
    expect((await run(['topics', 'seed-ledger', ...args], { env })).stdout).toContain('has the whole ledger');
    const config = { ...kafka, topicPrefix };
    const order = await openTopicLog(config, topicNameOf(config, furtherTopics.ledger), {
      logger: silentLogger,
    });
    const after = await openInstallation({
      ...options,
      ledgerFolder: join(folder, 'anew'),
      replication: { order, logger: silentLogger },
    });
    const proof = await after.ledger.consistencyProof(40, after.ledger.checkpoint().size);
    const { size: second, root: secondRoot } = after.ledger.checkpoint();
    expect(verifyConsistency({ first: 40, firstRoot: root, second, secondRoot, proof })).toBe(true);
    await after.ledger.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('take nothing and release nothing while the broker is away, and go on when it is back', async () => {
    const reviewer = await replicas.enrol(a, 'reviewer');
    const officer = await replicas.enrol(a, 'officer');
    const orderId = await replicas.record(a, registrar);
    await a.call(reviewer, 'POST', `/v1/orders/${orderId}/approval`);
    const released = await a.call(officer, 'POST', '/v1/disclosures', { orderId });
    const path = `/v1/disclosures/${released.body.disclosureId}`;
    for (let tries = 0; !(await a.call(officer, 'GET', path)).body.ready; tries++) {
      if (tries > 200) throw new Error('no package');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await untilLevel(a, b);
    await broker.kill();
    const answers = await Promise.all([
      a.call(officer, 'POST', '/v1/disclosures', { orderId }),
      b.call(officer, 'GET', `${path}/package`),
      a.call(officer, 'GET', '/v1/orders'),
    ]);
    for (const { status, body, bytes } of answers) {
      expect(status).toBe(503);
      expect(['ledger.unavailable', 'ledger.in_doubt']).toContain(body.code);
      expect(bytes.length).toBeLessThan(2_000);
    }
    await expect(a.ledger.ask()).rejects.toThrow();
    await broker.start();
    for (const replica of [a, b]) {
      for (let tries = 0; (await replica.call(officer, 'GET', '/v1/orders')).status !== 200; tries++) {
        if (tries > 200) throw new Error('did not go on');
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    await expectOneHistory();
  });
});
