import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BusPublisher, OutgoingRecord, Topic } from '#shared/bus';
import { silentLogger, systemClock } from '#shared/runtime';
import { type TrafficEvent, trafficEventSchema } from '#shared/traffic';
import {
  type Collector,
  type CollectorDeps,
  createCollector,
  type SourceConfigInput,
  type SourceStatus,
  sourceConfigSchema,
} from '../../../services/collector/index.ts';
import { freePorts } from '../../support/mail-servers/ports.ts';

export const bearer = 'a-bearer-secret-of-the-tests';
export const sourceId = 'hook';

/** A publisher that keeps what it acknowledged; refuses, or never answers, while it is told to. */
export class TestPublisher implements BusPublisher {
  readonly events: TrafficEvent[] = [];
  mode: 'take' | 'refuse' | 'hang' = 'take';
  #released: (() => void)[] = [];

  async publish(_topic: Topic, records: readonly OutgoingRecord[]): Promise<void> {
    if (this.mode === 'hang') await new Promise<void>((resolve) => this.#released.push(resolve));
    if (this.mode !== 'take') throw Object.assign(new Error('planted'), { code: 'BUS_DOWN' });
    for (const { value } of records) {
      this.events.push(trafficEventSchema.parse(JSON.parse(Buffer.from(value).toString('utf8'))));
    }
  }

  take(): void {
    this.mode = 'take';
    for (const release of this.#released.splice(0)) release();
  }
}

type WebhookInput = Extract<SourceConfigInput, { kind: 'webhook' }>;

export interface Hook {
  readonly port: number;
  readonly folder: string;
  readonly publisher: TestPublisher;
  readonly collector: Collector;
  status(): SourceStatus;
  /** Stops the collector and starts another one on the same folder and port. */
  restart(): Promise<Hook>;
  stop(): Promise<void>;
}

export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-hook-'));
  await writeFile(join(folder, 'bearer'), `${bearer}\n`, { mode: 0o600 });
  return folder;
}

/** A collector with one webhook source, which listens when this resolves. */
export async function startHook(
  input: Partial<WebhookInput> = {},
  deps: Partial<CollectorDeps> & {
    folder?: string;
    testPublisher?: TestPublisher;
    /** What is waited for. */
    state?: SourceStatus['state'];
  } = {},
): Promise<Hook> {
  const { folder = await newFolder(), testPublisher: publisher = new TestPublisher(), state, ...more } = deps;
  const [free = 0] = await freePorts(1);
  const config = sourceConfigSchema.parse({
    id: sourceId,
    kind: 'webhook',
    host: 'mx1.example.nl',
    listen: `127.0.0.1:${free}`,
    secrets: [{ scheme: 'bearer', file: join(folder, 'bearer') }],
    ...input,
  });
  const port = config.kind === 'webhook' ? config.listen.port : 0;
  const collector = createCollector({
    sources: [config],
    publisher,
    stateDirectory: join(folder, 'state'),
    clock: systemClock,
    logger: silentLogger,
    ...more,
  });
  collector.start();
  const status = (): SourceStatus => {
    const [only] = collector.status();
    if (only === undefined) throw new Error('no source');
    return only;
  };
  await until(() => status().state === (state ?? 'following'));
  return {
    port,
    folder,
    publisher,
    collector,
    status,
    restart: async () => {
      await collector.stop();
      return startHook(
        { ...input, listen: `127.0.0.1:${port}` },
        { ...deps, folder, testPublisher: publisher },
      );
    },
    stop: async () => {
      await collector.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** One delivery. @throws where no whole answer comes. */
export function post(
  port: number,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  path = `/v1/sources/${sourceId}/events`,
  method = 'POST',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const defaults = { authorization: `Bearer ${bearer}`, 'content-type': 'application/x-ndjson' };
    const sent = Object.entries({ ...defaults, ...headers }).filter(([, value]) => value !== '');
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path,
      method,
      agent,
      headers: { ...Object.fromEntries(sent), 'content-length': Buffer.byteLength(body) },
    });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    outgoing.end(body);
  });
}

/** A failed login, as a Dovecot would post it: one event each, told apart by its session. */
export function failedLogin(number: number, host = 'mx1.example.nl'): string {
  const time = new Date(Date.UTC(2026, 10, 22, 8) + number * 7).toISOString().replace('Z', '123Z');
  return JSON.stringify({
    event: 'auth_request_finished',
    hostname: host,
    start_time: time,
    end_time: time,
    categories: ['service:auth', 'auth'],
    fields: {
      success: 'no',
      service: 'imap',
      user: `u${number}@example.nl`,
      session: `session${number}`,
      remote_ip: '203.0.113.9',
      remote_port: 1024 + (number % 60_000),
    },
  });
}

/** Waits until it is so, or fails after a while. */
export async function until(what: () => boolean, seconds = 20): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; !what(); ) {
    if (Date.now() > deadline) throw new Error('it did not come to be');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
