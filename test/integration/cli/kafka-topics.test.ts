import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { kafkaConfigSchema, reconcileTopics } from '#shared/bus';
import { silentLogger } from '#shared/runtime';
import { type LocalBroker, startLocalBroker } from '../../support/kafka.ts';
import { describeWithLocalBroker } from '../../support/kafka-describe.ts';
import { type Folder, makeFolder, run } from '../../unit/cli/support.ts';

const password = 'correct horse 17';

describeWithLocalBroker('griffie topics', () => {
  let broker: LocalBroker;
  let folder: Folder;
  /** Port of the listener that asks for a password. */
  let guarded: number;
  let prefix: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    folder = makeFolder();
    broker = await startLocalBroker(async (brokerFolder, port) => {
      guarded = port + 2;
      const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
      await writeFile(
        join(brokerFolder, 'extra.properties'),
        [
          `listeners=CLIENT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1},GUARDED://127.0.0.1:${guarded}`,
          `advertised.listeners=CLIENT://127.0.0.1:${port},GUARDED://127.0.0.1:${guarded}`,
          'listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,GUARDED:SASL_PLAINTEXT',
          'listener.name.guarded.sasl.enabled.mechanisms=PLAIN',
          `listener.name.guarded.plain.sasl.jaas.config=${plain} user_griffie="${password}";`,
          '',
        ].join('\n'),
      );
    });
  });
  afterAll(async () => {
    await broker?.stop();
    folder.remove();
  });
  beforeEach(() => {
    prefix = `test-${randomBytes(6).toString('hex')}.`;
    env = {
      KAFKA_BROKERS: broker.brokers.join(','),
      KAFKA_TLS: 'off',
      KAFKA_TOPIC_PREFIX: prefix,
      KAFKA_PARTITIONS: '3',
      KAFKA_REPLICATION_FACTOR: '1',
    };
  });

  const topics = (...args: readonly string[]) => run(['topics', ...args], { env });
  const traffic = (): string => `${prefix}mail.traffic.v1`;

  /** As an administrator would, with Kafka's own tools. */
  const set = (name: string, value: string) =>
    reconcileTopics(
      kafkaConfigSchema.parse({ brokers: broker.brokers, tls: false }),
      [{ name: traffic(), partitions: 3, replicationFactor: 1, settings: { [name]: value } }],
      { apply: true, logger: silentLogger },
    );

  it('plans without touching, makes, and finds nothing to do the second time', async () => {
    const planned = await topics('plan');
    expect(planned.exitCode).toBe(4);
    expect(planned.stdout).toContain(`+ ${traffic()}\n    partitions `);
    expect(planned.stdout).toMatch(/^ {4}retention\.ms +604800000 \(7 days\)$/m);
    expect(planned.stdout).toContain('\n4 changes to apply.\n');
    expect(planned.stderr).toMatch(
      /^griffie: the topics are not as they should be; [^\n]+\(topics\.differ\)\n$/,
    );
    expect((await topics('plan')).stdout).toBe(planned.stdout);

    const applied = await topics('apply');
    expect([applied.exitCode, applied.stderr]).toEqual([0, '']);
    expect(applied.stdout).toContain('\n4 changes applied.\n');

    for (const command of ['plan', 'apply']) {
      const again = await topics(command, '--json');
      expect([again.exitCode, again.stderr]).toEqual([0, '']);
      expect(again.json()).toEqual({ changes: [], conflicts: [], warnings: [] });
    }
  });

  it('puts a changed setting back, and says from what to what', async () => {
    await topics('apply');
    await set('retention.ms', '-1');
    const planned = await topics('plan');
    expect(planned.exitCode).toBe(4);
    expect(planned.stdout).toContain(`~ ${traffic()}: retention.ms -1 (without end) → 604800000 (7 days)\n`);
    expect(planned.stdout).toContain('records that were not read within 7 days are removed');
    expect((await topics('apply')).exitCode).toBe(0);
    expect((await topics('plan')).stdout).toBe('No topic needs a change.\n');
  });

  it('grows partitions, and says what becomes of the order', async () => {
    await topics('apply');
    const planned = await topics('plan', '--partitions', '5');
    expect(planned.stdout).toContain(`~ ${traffic()}: partitions 3 → 5\n`);
    expect(planned.stdout).toContain(`note, ${traffic()}: keys may go to another partition`);
    expect(planned.stdout).toContain(`note, ${prefix}mail.raw.v1: lines of a host may go to another`);
    expect((await topics('apply', '--partitions', '5')).exitCode).toBe(0);
    expect((await topics('plan', '--partitions', '5')).exitCode).toBe(0);
  });

  it('names a conflict with what to do, applies the rest, and is not content', async () => {
    await topics('apply');
    await set('retention.ms', '1000');
    const applied = await topics('apply', '--partitions', '2', '--replication-factor', '2');
    expect(applied.exitCode).toBe(1);
    expect(applied.stdout).toContain(
      `! ${traffic()}: partitions are 3 and should be 2. Kafka takes none away: ask for 3 or more`,
    );
    expect(applied.stdout).toContain(`! ${traffic()}: copies are 1 and should be 2. Move them with`);
    expect(applied.stderr).toContain('(topics.conflict)');
    expect((await topics('plan')).exitCode).toBe(0);
  });

  it('says where more copies are asked for than there are brokers', async () => {
    const applied = await topics('apply', '--replication-factor', '3', '--json');
    expect(applied.exitCode).toBe(1);
    expect(applied.error().code).toBe('kafka.too_few_brokers');
  });

  it('takes a password, and says so where it is not the right one, without telling it', async () => {
    const withPassword = (text: string) => {
      const file = folder.write('password', text);
      return run(
        [
          'topics',
          'apply',
          '--sasl-mechanism',
          'plain',
          '--sasl-username',
          'griffie',
          '--sasl-password-file',
        ].concat(file, '--json'),
        { env: { ...env, KAFKA_BROKERS: `127.0.0.1:${guarded}` } },
      );
    };
    expect((await withPassword(password)).exitCode).toBe(0);
    const refused = await withPassword('planted-wrong-password');
    expect([refused.exitCode, refused.error().code]).toEqual([1, 'kafka.authentication_failed']);
    expect(refused.stdout + refused.stderr).not.toContain('planted');
  });

  it('says that no broker answers: exit code 3', async () => {
    env.KAFKA_BROKERS = '127.0.0.1:9';
    const { exitCode, error, stdout } = await topics('plan', '--json');
    expect([exitCode, stdout, error().code]).toEqual([3, '', 'kafka.unavailable']);
    // A broker that speaks no TLS, asked with TLS.
    env = { KAFKA_BROKERS: broker.brokers.join(',') };
    expect((await topics('plan')).exitCode).not.toBe(0);
  });
});
