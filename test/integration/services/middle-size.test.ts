import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { packageRoot } from '#shared/runtime';
import { type GriffieProcess, runGriffie, startGriffie } from '../../support/griffie-process.ts';
import { freshTopics, startBroker, type TestBroker } from '../../support/kafka.ts';
import { describeWithKafka } from '../../support/kafka-describe.ts';
import { freePorts } from '../../support/mail-servers/ports.ts';
import {
  areServicesBuilt,
  eventually,
  notBuilt,
  type ServiceProcess,
  startService,
} from '../../support/service-process.ts';

// Processes, brokers and probes on a machine that others use, too.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const demoLog = join(packageRoot, 'test/fixtures/demo-log/postfix.log');

describeWithKafka('griffie start with a cluster', (kind) => {
  describe.skipIf(!areServicesBuilt)(areServicesBuilt ? 'over a broker' : notBuilt, () => {
    let folder: string;
    let broker: TestBroker;
    let griffie: GriffieProcess;
    let collector: ServiceProcess | undefined;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'griffie-middle-'));
      broker = await startBroker(kind);
    });
    afterAll(async () => {
      await griffie?.end('SIGKILL');
      await collector?.end('SIGKILL');
      await broker?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    async function start(topicPrefix: string, name: string): Promise<GriffieProcess> {
      const [port] = await freePorts(1);
      const config = join(folder, `${name}.json`);
      const content = {
        dataFolder: join(folder, name),
        listen: `127.0.0.1:${port}`,
        sources: [{ kind: 'file', id: 'here', path: join(folder, 'here.log'), host: 'mx1.example.nl' }],
        kafka: { brokers: broker.brokers, tls: false, topicPrefix },
      };
      await writeFile(config, JSON.stringify(content));
      return startGriffie(['start', '--config', config]);
    }

    it('ends with a failure where topics are missing, and says which command makes them', async () => {
      griffie = await start('never-made.', 'first');
      const code = await new Promise((resolve) => griffie.child.once('close', resolve));
      expect(code).toBe(1);
      expect(griffie.output()).toContain('griffie topics apply');
    });

    it('stores its own sources’ events and those of collectors elsewhere', async () => {
      const { topicPrefix } = await freshTopics(broker.brokers, 2);
      await writeFile(join(folder, 'here.log'), '');
      await writeFile(join(folder, 'there.log'), '');
      griffie = await start(topicPrefix, 'second');
      await griffie.says('Griffie is listening');
      const sources = join(folder, 'sources.json');
      const there = { kind: 'file', id: 'there', path: join(folder, 'there.log'), host: 'mx2.example.nl' };
      await writeFile(sources, JSON.stringify([there]));
      const [health] = await freePorts(1);
      collector = startService('collector', {
        HEALTH_LISTEN: `127.0.0.1:${health}`,
        KAFKA_BROKERS: broker.brokers.join(),
        KAFKA_TLS: 'off',
        KAFKA_TOPIC_PREFIX: topicPrefix,
        COLLECTOR_STATE_FOLDER: join(folder, 'there'),
        COLLECTOR_SOURCES_FILE: sources,
      });
      const remote = collector;
      await remote.ready();
      const log = await readFile(demoLog);
      await appendFile(join(folder, 'here.log'), log);
      await appendFile(join(folder, 'there.log'), log);

      let last = '';
      await eventually(
        async () => {
          const status = await runGriffie(['status', '--data', join(folder, 'second'), '--json']);
          last = status.stdout;
          const { ingester, sources: own } = JSON.parse(status.stdout);
          const elsewhere = await remote.metric('griffie_collector_events_total{source="there"}');
          return own[0].events > 2000 && elsewhere > 2000 && ingester.inserted >= own[0].events + elsewhere;
        },
        () => last + griffie.output() + remote.output(),
      );
    });

    it('ends with 0 on SIGTERM', async () => {
      expect(await collector?.end('SIGTERM')).toBe(0);
      expect([await griffie.end('SIGTERM'), griffie.output()]).toEqual([0, griffie.output()]);
    });
  });
});
