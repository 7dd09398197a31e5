import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import { furtherTopics, type KafkaConfig } from '#shared/bus';

/** A record of the raw topic, as infra/rsyslog/griffie-kafka.conf makes it of a line in a file. */
export function fileRecord(host: string, offset: number, line: string, time: string): string {
  const file = '/var/log/postfix.log';
  return JSON.stringify({ v: '1', host, file, offset: String(offset), time, line });
}

/** The lines of one message's life on a host, delivered once. Their events are two. */
export function messageLines(host: string, number: number): string[] {
  const id = `4Wx${String(number).padStart(9, '0')}z`;
  const at = (program: string, rest: string) =>
    `Nov 22 10:00:${String(number % 60).padStart(2, '0')} ${host.split('.')[0]} postfix/${program}[1${number % 9}]: ${rest}`;
  return [
    at('smtpd', `${id}: client=client.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=u${number}`),
    at('cleanup', `${id}: message-id=<${number}@${host}>`),
    at('qmgr', `${id}: from=<u${number}@example.org>, size=500, nrcpt=1 (queue active)`),
    at(
      'smtp',
      `${id}: to=<r${number}@example.com>, relay=mx.example.com[198.51.100.3]:25, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 2.0.0 Ok)`,
    ),
    at('qmgr', `${id}: removed`),
  ];
}

/** The log file of one host, as a daemon would send it. */
export class HostLog {
  readonly host: string;
  /** Every record so far, in order. */
  readonly records: string[] = [];
  readonly #open: string[][] = [];
  #offset = 0;

  constructor(host: string) {
    this.host = host;
  }

  /** Lines of so many messages, which overlap. @returns the new records */
  write(from: number, count: number): string[] {
    const before = this.records.length;
    for (let number = from; number < from + count; number++) {
      this.#open.push(messageLines(this.host, number));
      if (this.#open.length > 7) this.#step();
    }
    while (this.#open.length > 0) this.#step();
    return this.records.slice(before);
  }

  #step(): void {
    for (const message of this.#open) {
      const line = message.shift();
      if (line === undefined) continue;
      this.records.push(fileRecord(this.host, this.#offset, line, '2026-11-22T10:00:00.000000+00:00'));
      this.#offset += line.length + 1;
    }
    this.#open.splice(0, this.#open.length, ...this.#open.filter((message) => message.length > 0));
  }
}

/** A raw topic to write to and to meddle with. */
export class RawTopic {
  readonly name: string;
  readonly #kafka: Kafka;

  constructor(config: KafkaConfig) {
    this.name = `${config.topicPrefix}${furtherTopics.raw}`;
    this.#kafka = new kafkajs.Kafka({
      brokers: [...config.brokers],
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { retries: 12 },
    });
  }

  async send(partition: number, key: string, values: readonly (string | Buffer | null)[]): Promise<void> {
    const producer = this.#kafka.producer({ maxInFlightRequests: 1 });
    await producer.connect();
    await producer.send({
      topic: this.name,
      acks: -1,
      messages: values.map((value) => ({ key, value, partition })),
    });
    await producer.disconnect();
  }

  async administrate<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#kafka.admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }
}
