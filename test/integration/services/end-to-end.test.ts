import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { matches, type SourceFigures } from '#shared/control';
import { packageRoot } from '#shared/runtime';
import { createSourceDays } from '#shared/store';
import { categoryIds } from '#shared/traffic';
import { readFigures } from '../../../services/retention/source-figures.ts';
import { type Administrators, bootstrapAdministrators, enrolByTwo } from '../../support/administrators.ts';
import { freshTopics, startBroker, type TestBroker } from '../../support/kafka.ts';
import { describeWithKafka } from '../../support/kafka-describe.ts';
import {
  areServicesBuilt,
  eventually,
  notBuilt,
  type ServiceProcess,
  startService,
} from '../../support/service-process.ts';
import { makeFolder, type Ran, run } from '../../unit/cli/support.ts';
import { openServiceWorld, type ServiceWorld } from './world.ts';

// Processes, brokers and probes on a machine that others use, too.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const demoLog = join(packageRoot, 'test/fixtures/demo-log/postfix.log');
/** As many messages did alice send in the demonstration's log, by those who made it. */
const sentByAlice = 30;

describeWithKafka('collector, ingester and disclosure as processes of their own', (kind) => {
  describe.skipIf(!areServicesBuilt)(areServicesBuilt ? 'over a broker' : notBuilt, () => {
    const folder = makeFolder();
    let broker: TestBroker;
    let world: ServiceWorld;
    let collector: ServiceProcess;
    let ingester: ServiceProcess;
    let disclosure: ServiceProcess;
    let url: string;
    let administrators: Administrators;

    beforeAll(async () => {
      [broker, world] = await Promise.all([startBroker(kind), openServiceWorld({ migrated: true })]);
      const { topicPrefix } = await freshTopics(broker.brokers, 2);
      const kafka = {
        KAFKA_BROKERS: broker.brokers.join(),
        KAFKA_TLS: 'off',
        KAFKA_TOPIC_PREFIX: topicPrefix,
      };
      collector = await world.start('collector', kafka);
      ingester = await world.start('ingester', kafka);
      const variables = await world.variables('disclosure');
      url = `http://${variables.DISCLOSURE_LISTEN}`;
      const place = ['--keys', join(world.folder, 'keys')] as const;
      administrators = await bootstrapAdministrators(griffie, url, (name) => folder.path(name), place);
      disclosure = await world.start('disclosure', variables);
      await Promise.all([collector, ingester, disclosure].map((each) => each.ready()));
    });
    afterAll(async () => {
      await world?.remove();
      await broker?.stop();
      folder.remove();
    });

    async function griffie(...args: readonly string[]): Promise<Ran> {
      const ran = await run(args);
      expect([args.slice(0, 2).join(' '), ran.exitCode, ran.stderr]).toEqual([
        args.slice(0, 2).join(' '),
        0,
        ran.stderr,
      ]);
      return ran;
    }

    /** The credential file of a new person, enrolled by one administrator and confirmed by the other. */
    async function person(role: string): Promise<string> {
      const [own, half] = [folder.path(`${role}.json`), folder.path(`${role}.public.json`)];
      await griffie('key', 'new', '--credential', role, '--service', url, '--out', own);
      await griffie('key', 'public', '--as', own, '--out', half);
      await enrolByTwo(griffie, administrators, { half, person: role, role });
      return own;
    }

    it('says where the secrets of a new installation are', () => {
      expect(disclosure.output()).toContain('ledger-signing-key.json');
      expect(disclosure.output()).toContain(`Griffie is listening on ${url}`);
    });

    it('stores what the collector read, through the brokers', async () => {
      await appendFile(world.log, await readFile(demoLog));
      const read = () => collector.metric('griffie_collector_events_total{source="postfix"}');
      const stored = () => ingester.metric('griffie_ingester_events_total');
      await eventually(
        async () => (await read()) > 2000 && (await stored()) >= (await read()),
        () => collector.output() + ingester.output(),
      );
      expect(await collector.metric('griffie_collector_lag_bytes{source="postfix"}')).toBe(0);
      expect(await ingester.metrics()).not.toMatch(/griffie_ingester_rejected_records_total\{/);
      expect(await ingester.metric('griffie_ingester_last_insert_timestamp_seconds')).toBeGreaterThan(0);
    });

    it('counts by source and day what it read, and that is what is stored, each once', async () => {
      const sourceDays = createSourceDays(world.database);
      const day = (back: number): string =>
        new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
      let figures: SourceFigures[] = [];
      // Told every few seconds, over the brokers.
      await eventually(
        async () => {
          const counted = await sourceDays.counted(day(1), day(0));
          const days = [
            await readFigures(sourceDays, day(1), counted),
            await readFigures(sourceDays, day(0), counted),
          ];
          figures = days.flat();
          return figures.length > 0 && figures.every(matches);
        },
        () => JSON.stringify(figures) + collector.output() + ingester.output(),
      );
      const sum = (read: (one: SourceFigures) => number): number =>
        figures.reduce((total, one) => total + read(one), 0);
      expect(sum(({ lines }) => lines)).toBe(
        await collector.metric('griffie_collector_lines_total{source="postfix"}'),
      );
      expect(sum(({ stored }) => stored)).toBe(
        await collector.metric('griffie_collector_events_total{source="postfix"}'),
      );
    });

    it('releases what an order covers, over HTTP, and nothing else', async () => {
      const [registrar, reviewer, officer] = [
        await person('registrar'),
        await person('reviewer'),
        await person('officer'),
      ];
      const [identity, pins] = [folder.path('identity.txt'), folder.path('pins.json')];
      await griffie('key', 'recipient', '--out', identity);
      await griffie('service', 'keys', '--url', url, '--out', pins);
      const encryptionKey = /public key: (age1\w+)/.exec(await readFile(identity, 'utf8'))?.[1];
      const now = new Date().toISOString();
      const order = folder.write('order.json', {
        regime: 'NL_DOMESTIC',
        type: 'produce',
        legalBasis: 'Sv 126n',
        dataCategory: 'traffic',
        issuingState: 'NL',
        issuer: { authority: 'Parket Amsterdam', role: 'public_prosecutor', fileReference: '13/000001-26' },
        validatedBy: { name: 'Rechter-commissaris Amsterdam', role: 'examining_judge' },
        addressee: 'Example Mail',
        scope: {
          targets: [{ kind: 'address', value: 'alice@example.nl' }],
          from: '2020-01-01T00:00:00Z',
          to: '2100-01-01T00:00:00Z',
          categories: categoryIds,
        },
        recipients: [{ name: 'Parket Amsterdam', encryptionKey }],
        issuedAt: now,
        receivedAt: now,
        validUntil: '2100-01-01T00:00:00Z',
      });
      const document = folder.write('order.pdf', '%PDF-1.7\nthe order\nstartxref\n0\n%%EOF\n');
      const recorded = await griffie(
        ...['order', 'record', '--as', registrar, '--order', order, '--document', document, '--json'],
      );
      const orderId = String(recorded.json().orderId);
      await griffie('order', 'approve', orderId, '--as', reviewer);
      const request = ['--as', officer, '--order', orderId, '--wait', '--json'];
      const requested = await griffie('disclosure', 'request', ...request);
      const file = folder.path('package.tar');
      await griffie(
        ...['disclosure', 'fetch', String(requested.json().disclosureId), '--as', officer, '--out', file],
      );
      const out = folder.path('opened');
      await griffie('package', 'open', file, '--identity', identity, '--keys', pins, '--out', out);

      const parts = (await readdir(join(out, 'parts'))).filter((name) => name.endsWith('.ndjson'));
      const texts = await Promise.all(parts.map((name) => readFile(join(out, 'parts', name), 'utf8')));
      const records = texts.flatMap((text) =>
        text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as Record<string, string>),
      );
      const sent = records.filter(
        ({ type, senderAddress }) => type === 'message.accepted' && senderAddress === 'alice@example.nl',
      );
      expect(sent).toHaveLength(sentByAlice);
      expect(new Set(sent.map(({ eventId }) => eventId)).size).toBe(sentByAlice);
      for (const record of records) expect(Object.values(record)).toContain('alice@example.nl');
      expect(await disclosure.metric('griffie_disclosure_releases_total')).toBe(1);
      expect(
        await disclosure.metric('griffie_disclosure_requests_total{route="POST /v1/orders",outcome="ok"}'),
      ).toBe(1);
      expect(await disclosure.metric('griffie_ledger_entries')).toBeGreaterThan(5);
    });

    it('counts a refusal by its code and route, without what was asked', async () => {
      await fetch(`${url}/v1/orders/alice@example.nl`);
      const metrics = await disclosure.metrics();
      expect(metrics).toMatch(
        /griffie_disclosure_requests_total\{route="GET \/v1\/orders\/:orderId",outcome="proof\.\w+"\} 1/,
      );
      expect(metrics).not.toContain('alice');
    });

    it('takes no second collector on the same folder', async () => {
      const second = startService('collector', {
        ...(await world.variables('collector')),
        KAFKA_BROKERS: broker.brokers.join(),
        KAFKA_TLS: 'off',
      });
      expect(await second.ended()).toBe(1);
      expect(second.output()).toContain('collector.state_in_use');
    });

    it('takes no second disclosure service on the same ledger', async () => {
      const second = startService('disclosure', await world.variables('disclosure'));
      expect(await second.ended()).toBe(1);
      expect(second.output()).toContain('ledger.locked');
    });

    it('has no personal data in logs, metrics and health', async () => {
      for (const each of [collector, ingester, disclosure]) {
        const { checks } = await each.ready();
        const seen = [each.output(), await each.metrics(), JSON.stringify(checks)].join('\n');
        expect(seen).not.toMatch(/@example|192\.0\.2\.|2001:db8/);
      }
    });

    it('ends with 0 on SIGTERM, each of them', async () => {
      for (const each of [collector, ingester, disclosure]) {
        expect([await each.end('SIGTERM'), each.output()]).toEqual([0, each.output()]);
        expect(each.output()).toContain('"msg":"stopped"');
      }
    });
  });
});
