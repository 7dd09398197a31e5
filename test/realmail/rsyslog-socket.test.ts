import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Collector, createCollector, sourceConfigSchema } from '#services/collector';
import { furtherTopics, type KafkaConfig } from '#shared/bus';
import { silentLogger, systemClock } from '#shared/runtime';
import { type TrafficEvent, trafficEventSchema } from '#shared/traffic';
import { freshTopics, type LocalBroker, startLocalBroker } from '../support/kafka.ts';
import { describeWithRsyslog, Rsyslog } from '../support/rsyslog.ts';

const run = promisify(execFile);

describeWithRsyslog('the syslog socket, rsyslog and Kafka', { mail: false }, () => {
  let folder: string;
  let socket: string;
  let broker: LocalBroker;
  let config: KafkaConfig;
  let rsyslog: Rsyslog;
  let collector: Collector;
  const events: TrafficEvent[] = [];

  const log = (tag: string, message: string, facility = 'mail') =>
    run('logger', ['--socket', socket, '--priority', `${facility}.info`, '--tag', tag, '--id=77', message]);

  /** One message from outside, refused or delivered. */
  async function deliver(id: string): Promise<void> {
    await log('postfix/smtpd', `${id}: client=client.example.net[192.0.2.7]`);
    await log('postfix/cleanup', `${id}: message-id=<${id}@socket.example>`);
    await log('postfix/qmgr', `${id}: from=<a@example.org>, size=500, nrcpt=1 (queue active)`);
    await log(
      'postfix/smtp',
      `${id}: to=<r@example.com>, relay=mx.example.com[198.51.100.3]:25, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 "ü\\Ok")`,
    );
    await log('postfix/qmgr', `${id}: removed`);
  }

  const lines = (): number => collector.status()[0]?.lines ?? 0;
  async function untilLines(count: number): Promise<void> {
    for (const end = Date.now() + 90_000; lines() < count && Date.now() < end; await sleep(100));
  }
  async function startRsyslog(): Promise<void> {
    await rsyslog.start();
    for (const end = Date.now() + 30_000; !existsSync(socket) && Date.now() < end; await sleep(50));
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-rsyslog-'));
    socket = join(folder, 'log');
    broker = await startLocalBroker();
    config = await freshTopics(broker.brokers, 3);
    rsyslog = new Rsyslog({
      example: 'griffie-kafka-syslog.conf',
      folder: join(folder, 'rsyslog'),
      before: `module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" socket="${socket}" rateLimit.interval="0" usePIDFromSystem="off")`,
      topic: `${config.topicPrefix}${furtherTopics.raw}`,
      brokers: broker.brokers,
      timeZone: 'Europe/Amsterdam',
    });
    await startRsyslog();
    collector = createCollector({
      sources: [sourceConfigSchema.parse({ id: 'raw', kind: 'kafka-raw' })],
      publisher: {
        async publish(_topic, records) {
          for (const { value } of records) {
            events.push(trafficEventSchema.parse(JSON.parse(Buffer.from(value).toString('utf8'))));
          }
        },
      },
      stateDirectory: join(folder, 'collector'),
      clock: systemClock,
      logger: silentLogger,
      kafka: config,
    });
    collector.start();
  });

  afterAll(async () => {
    await rsyslog?.kill();
    await collector?.stop();
    await broker?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('hand on the mail facility alone, equal lines as many times as they were logged', async () => {
    const reject =
      'NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <x@example.org>: Relay access denied; from=<s@example.com> to=<x@example.org> proto=ESMTP helo=<h>';
    const started = Date.now();
    await deliver('4WxBCDFGH1z');
    await log('cron', 'not mail', 'user');
    await Promise.all([1, 2, 3].map(() => log('postfix/smtpd', reject)));
    await untilLines(8);
    expect(lines()).toBe(8);
    expect(events.map((event) => event.type).sort()).toEqual([
      'message.accepted',
      'message.delivered',
      'message.rejected',
      'message.rejected',
      'message.rejected',
    ]);
    for (const event of events) {
      expect(event).toMatchObject({ host: 'mx1.example.nl', correlation: 'complete' });
      expect(Date.parse(event.occurredAt)).toBeGreaterThanOrEqual(started - 1000);
      expect(Date.parse(event.occurredAt)).toBeLessThanOrEqual(Date.now());
    }
    expect(collector.status()[0]).toMatchObject({ notUnderstood: {}, repeated: 0, gapCount: 0 });
  });

  it('keep what is logged while Kafka is away, over an orderly restart of rsyslog', async () => {
    await broker.kill();
    await deliver('4WxBCDFGH2z');
    await rsyslog.stop();
    await startRsyslog();
    await deliver('4WxBCDFGH3z');
    await broker.start();
    await untilLines(18);
    const found = events.slice(5).map((event) => `${event.type} ${event.queueId} ${event.correlation}`);
    expect(found.sort()).toEqual([
      'message.accepted 4WxBCDFGH2z complete',
      'message.accepted 4WxBCDFGH3z complete',
      'message.delivered 4WxBCDFGH2z complete',
      'message.delivered 4WxBCDFGH3z complete',
    ]);
  });
});
