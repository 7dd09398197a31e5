import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { packageRoot } from '#shared/runtime';
import { freshTopics, type LocalBroker, startLocalBroker } from '../../support/kafka.ts';
import { describeWithLocalBroker } from '../../support/kafka-describe.ts';
import { freePorts } from '../../support/mail-servers/ports.ts';
import { areServicesBuilt, eventually, notBuilt } from '../../support/service-process.ts';
import { openServiceWorld, type ServiceWorld } from './world.ts';

// Processes, brokers and probes on a machine that others use, too.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const log = join(packageRoot, 'test/fixtures/demo-log/postfix.log');

describeWithLocalBroker('services whose peers are away', () => {
  describe.skipIf(!areServicesBuilt)(areServicesBuilt ? 'or not ready for them' : notBuilt, () => {
    let broker: LocalBroker;
    let world: ServiceWorld;
    let kafka: Readonly<Record<string, string>>;

    beforeAll(async () => {
      [broker, world] = await Promise.all([startLocalBroker(), openServiceWorld({ migrated: false })]);
      const { topicPrefix } = await freshTopics(broker.brokers, 2);
      kafka = { KAFKA_BROKERS: broker.brokers.join(), KAFKA_TLS: 'off', KAFKA_TOPIC_PREFIX: topicPrefix };
    });
    afterAll(async () => {
      await world?.remove();
      await broker?.stop();
    });

    it('end with 1 where the store is not migrated, and say which command does that', async () => {
      for (const service of ['ingester', 'disclosure'] as const) {
        const started = await world.start(service, service === 'ingester' ? kafka : {});
        expect([await started.ended(), service]).toEqual([1, service]);
        expect(started.output()).toContain('store.not_migrated');
        expect(started.output()).toContain('griffie migrate apply');
      }
    });

    it('end with 1 where the store keeps for another period than configured', async () => {
      await world.migrate();
      const started = await world.start('ingester', { ...kafka, RETENTION_PERIOD: 'P12M' });
      expect(await started.ended()).toBe(1);
      expect(started.output()).toContain('another period');
    });

    it('end with 1 where topics are missing, and say which command makes them', async () => {
      for (const service of ['collector', 'ingester'] as const) {
        const started = await world.start(service, { ...kafka, KAFKA_TOPIC_PREFIX: 'never-made.' });
        expect([await started.ended(), service]).toEqual([1, service]);
        expect(started.output()).toContain('never-made.mail.traffic.v1');
        expect(started.output()).toContain('griffie topics apply');
      }
    });

    it('wait for brokers, say so, work once they are there, and end without them', {
      timeout: 240_000,
    }, async () => {
      await broker.kill();
      const [collector, ingester] = [
        await world.start('collector', kafka),
        await world.start('ingester', kafka),
      ];
      for (const service of [collector, ingester]) {
        const { status, checks } = await service.ready(
          ({ checks }) => checks.bus?.code === 'kafka.unavailable',
        );
        expect(status).toBe(503);
        expect(checks.bus).toEqual({ ok: false, code: 'kafka.unavailable' });
        expect((await fetch(`${service.healthUrl}/health/live`)).status).toBe(200);
      }
      await appendFile(world.log, await readFile(log));
      await broker.start();
      await Promise.all([collector.ready(), ingester.ready()]);
      const read = () => collector.metric('griffie_collector_events_total{source="postfix"}');
      await eventually(
        async () =>
          (await read()) > 2000 && (await ingester.metric('griffie_ingester_events_total')) >= (await read()),
        () => collector.output() + ingester.output(),
      );

      await broker.kill();
      // At work and not only at the start.
      await collector.ready(({ status }) => status === 503);
      await broker.start();
      await Promise.all([collector.ready(), ingester.ready()]);

      // What cannot be delivered is read again by the next start: no reason not to end.
      await broker.kill();
      await appendFile(world.log, await readFile(log));
      expect([await collector.end('SIGTERM'), collector.output()]).toEqual([0, collector.output()]);
      expect([await ingester.end('SIGTERM'), ingester.output()]).toEqual([0, ingester.output()]);
    });

    it('wait for the store, and end with 0 where they are told to stop meanwhile', async () => {
      const [nobody] = await freePorts(1);
      for (const service of ['ingester', 'disclosure'] as const) {
        const away = { ...kafka, CLICKHOUSE_URL: `http://127.0.0.1:${nobody}` };
        const started = await world.start(service, away);
        const { checks } = await started.ready(
          (readiness) => readiness.checks.store?.code === 'store.unavailable',
        );
        expect(checks.service).toEqual({ ok: false, code: 'starting' });
        expect([await started.end('SIGTERM'), service]).toEqual([0, service]);
      }
    });

    it('wait for a store that refuses their password, and say that it does', async () => {
      const started = await world.start('ingester', { ...kafka, CLICKHOUSE_PASSWORD_FILE: world.log });
      await started.ready(({ checks }) => checks.store?.code === 'store.refused');
      expect(await started.end('SIGTERM')).toBe(0);
    });
  });
});
