import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { KafkaConfig } from '#shared/bus';
import { Replay } from '#shared/control';
import {
  createNoteSigner,
  decodeBundle,
  decodeEntry,
  type LedgerReader,
  openCheckpoint,
  tilePath,
  verifyLog,
} from '#shared/ledger';
import { readTileDirectory } from '#shared/ledger-storage';
import { generateKey, type SigningKey } from '#shared/signed-request';
import { openServiceWorld, type ServiceWorld } from '../integration/services/world.ts';
import { enrolmentBody } from '../support/enrolment.ts';
import { freshTopics, type LocalBroker, startLocalBroker } from '../support/kafka.ts';
import { describeWithLocalBroker } from '../support/kafka-describe.ts';
import { freePorts } from '../support/mail-servers/ports.ts';
import { makeAdministrators } from '../support/people-over-http.ts';
import { areServicesBuilt, notBuilt, type ServiceProcess } from '../support/service-process.ts';
import { signCall } from '../support/signed-call.ts';

/* Real processes of the disclosure service, killed for real. ROUNDS (default 2) is how often. */

vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 });

const rounds = Number(process.env.ROUNDS ?? 2);
const publicUrl = 'https://griffie.example.nl';
const names = ['a', 'b'] as const;
type Name = (typeof names)[number];

interface Running {
  readonly process: ServiceProcess;
  readonly url: string;
}

describeWithLocalBroker('both replicas of the disclosure service killed in between', () => {
  describe.skipIf(!areServicesBuilt)(areServicesBuilt ? 'over a broker' : notBuilt, () => {
    let broker: LocalBroker;
    let kafka: KafkaConfig;
    let world: ServiceWorld;
    let administrator: SigningKey;
    const running = new Map<Name, Running>();

    beforeAll(async () => {
      broker = await startLocalBroker();
      kafka = await freshTopics(broker.brokers, 1);
      world = await openServiceWorld({ migrated: true });
      [administrator] = await makeAdministrators(publicUrl, keyFolder('a'));
      await start('a');
      // What the guide says: the first replica makes the keys, the others get a copy.
      await cp(keyFolder('a'), keyFolder('b'), { recursive: true });
      await start('b');
    });
    afterAll(async () => {
      await world?.remove();
      await broker?.stop();
    });

    const keyFolder = (name: Name): string => join(world.folder, `keys-${name}`);
    const ledgerOf = (name: Name): LedgerReader =>
      readTileDirectory(join(world.folder, `data-${name}`, 'ledger'));

    async function start(name: Name): Promise<void> {
      const [port] = await freePorts(1);
      const process = await world.start('disclosure', {
        DISCLOSURE_LEDGER: 'kafka',
        DISCLOSURE_DATA_FOLDER: join(world.folder, `data-${name}`),
        DISCLOSURE_KEY_FOLDER: keyFolder(name),
        DISCLOSURE_SHARED_FOLDER: join(world.folder, 'shared'),
        DISCLOSURE_PUBLIC_URL: publicUrl,
        DISCLOSURE_LISTEN: `127.0.0.1:${port}`,
        KAFKA_BROKERS: broker.brokers.join(),
        KAFKA_TLS: 'off',
        KAFKA_TOPIC_PREFIX: kafka.topicPrefix,
      });
      await process.ready();
      running.set(name, { process, url: `http://127.0.0.1:${port}` });
    }

    /** A request that enrols a new key, as it goes over the wire: to whichever replica, and again. */
    async function enrolment(credentialId: string) {
      const key = await generateKey('ES256');
      const candidate = { key, credentialId, audience: publicUrl, now: Date.now() };
      const body = JSON.stringify(await enrolmentBody(candidate, credentialId, 'auditor'));
      const call = { method: 'POST', path: '/v1/credentials', body: Buffer.from(body) };
      const alice = { key: administrator, credentialId: 'alice' };
      const proof = await signCall(alice, publicUrl, call, Date.now());
      return { thumbprint: key.kid, body, proof };
    }

    /** @returns the status, or null where no answer came. */
    async function send(
      name: Name,
      { body, proof }: { body: string; proof: string },
    ): Promise<number | null> {
      const url = `${running.get(name)?.url}/v1/credentials`;
      const headers = { 'content-type': 'application/json', 'griffie-proof': proof };
      const answer = await fetch(url, { method: 'POST', body, headers }).catch(() => null);
      return answer?.status ?? null;
    }

    async function entriesOf(reader: LedgerReader) {
      const ledgerKey = JSON.parse(await readFile(join(keyFolder('a'), 'ledger-signing-key.json'), 'utf8'));
      const { verifier } = createNoteSigner(ledgerKey.origin, ledgerKey.privateKey);
      const note = Buffer.from((await reader.read('checkpoint')) ?? []).toString();
      const opened = openCheckpoint(note, [verifier]);
      if (!opened.ok) throw new Error(opened.reason);
      const { size } = opened.checkpoint;
      const leaves: Uint8Array[] = [];
      for (let first = 0; first < size; first += 256) {
        const width = Math.min(256, size - first);
        const bytes = await reader.read(tilePath({ level: 'entries', index: first / 256, width }));
        leaves.push(...(decodeBundle(bytes ?? Buffer.of(), width) ?? []));
      }
      expect(leaves).toHaveLength(size);
      expect(await verifyLog(reader, { verifiers: [verifier] })).toMatchObject({ ok: true, problems: [] });
      return { note, size, leaves };
    }

    it(`loses nothing that was acknowledged and takes nothing twice, ${rounds} times`, async () => {
      const acknowledged: string[] = [];
      let sent = 0;
      let before = '';
      for (let round = 0; round < rounds; round++) {
        const inFlight: Awaited<ReturnType<typeof enrolment>>[] = [];
        let isOver = false;
        const work = async (name: Name): Promise<void> => {
          while (!isOver) {
            const request = await enrolment(`auditor-${++sent}`);
            inFlight.push(request);
            if ((await send(name, request)) === 201) acknowledged.push(request.thumbprint);
          }
        };
        const atWork = [work('a'), work('b'), work('b')];
        await sleep(400 + Math.random() * 1_500);
        await Promise.all(names.map((name) => running.get(name)?.process.end('SIGKILL')));
        isOver = true;
        await Promise.all(atWork);

        await Promise.all(names.map(start));
        // What nobody had an answer to is sent again, the same bytes, to both: once at most it takes effect.
        const unanswered = inFlight.filter(({ thumbprint }) => !acknowledged.includes(thumbprint));
        for (const request of unanswered) {
          const statuses = await Promise.all(names.map((name) => send(name, request)));
          expect(statuses.filter((status) => status === 201).length).toBeLessThanOrEqual(1);
          for (const status of statuses) expect([201, 401, 409]).toContain(status);
          acknowledged.push(request.thumbprint);
        }

        let [a, b] = await Promise.all(names.map((name) => entriesOf(ledgerOf(name))));
        for (let tries = 0; a?.size !== b?.size && tries < 200; tries++) {
          await sleep(50);
          [a, b] = await Promise.all(names.map((name) => entriesOf(ledgerOf(name))));
        }
        if (!a || !b) throw new Error('two ledgers');
        expect(b.note).toBe(a.note);
        const enrolled = a.leaves
          .map(decodeEntry)
          .flatMap(({ kind, subject }) => (kind === 'credential.enrolled' ? [subject] : []));
        expect(new Set(enrolled).size).toBe(enrolled.length);
        expect(enrolled).toEqual(expect.arrayContaining(acknowledged));
        const replay = new Replay();
        await replay.take(a.leaves, 0);
        expect(replay.report()).toMatchObject({ entries: a.size, problems: [] });
        expect(a.note).not.toBe(before);
        before = a.note;
      }
      expect(acknowledged.length).toBeGreaterThan(rounds);
    });
  });
});
