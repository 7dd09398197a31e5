import { createServer } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { areServicesBuilt, notBuilt, startService } from '../../support/service-process.ts';

// Processes, brokers and probes on a machine that others use, too.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const services = ['collector', 'ingester', 'disclosure'] as const;

describe.skipIf(!areServicesBuilt)(`a service's process${areServicesBuilt ? '' : ` ${notBuilt}`}`, () => {
  it.each(services)('%s tells its variables and its version', async (service) => {
    const help = startService(service, {}, ['--help']);
    expect(await help.ended()).toBe(0);
    expect(help.output()).toMatch(/HEALTH_LISTEN .*default: 127\.0\.0\.1:9464/);
    const version = startService(service, {}, ['--version']);
    expect(await version.ended()).toBe(0);
    expect(version.output()).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each(services)('%s ends with 64 where a name is misspelt or a secret is not there', async (service) => {
    const wrong = startService(service, {
      KAFKA_BROKER: 'planted-value:9092',
      CLICKHOUSE_PASSWORD_FILE: '/nowhere/planted-value',
      KAFKA_SASL_PASSWORD_FILE: '/nowhere/planted-value',
    });
    expect(await wrong.ended()).toBe(64);
    expect(wrong.output()).toContain('KAFKA_BROKER: is no variable of Griffie; did you mean KAFKA_BROKERS?');
    expect(wrong.output()).toMatch(/_PASSWORD_FILE: names a file that cannot be read \(ENOENT\)/);
    expect(wrong.output()).not.toContain('planted-value');
  });

  it('ends with 1 where the health address is taken', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const address = holder.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const started = startService('ingester', {
      KAFKA_BROKERS: '127.0.0.1:1',
      KAFKA_TLS: 'off',
      CLICKHOUSE_URL: 'http://127.0.0.1:1',
      HEALTH_LISTEN: `127.0.0.1:${port}`,
    });
    expect(await started.ended()).toBe(1);
    expect(started.output()).toContain('HEALTH_LISTEN cannot be listened on (EADDRINUSE)');
    await new Promise((resolve) => holder.close(resolve));
  });
});
