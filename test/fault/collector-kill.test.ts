import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, copyFile, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TrafficEvent, trafficEventSchema } from '#shared/traffic';

const rounds = Number(process.env.ROUNDS ?? 30);
/** More than are made: a collector that was killed before it read may be far behind. */
const keptRotations = 3 * rounds + 3;
const root = new URL('../../', import.meta.url).pathname;
const built = existsSync(join(root, 'dist/services/collector/index.js'));

let folder: string;
let log: string;
let eventsFile: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'griffie-fault-'));
  log = join(folder, 'mail.log');
  eventsFile = join(folder, 'events.ndjson');
});
afterAll(async () => {
  if (!process.env.KEEP) await rm(folder, { recursive: true, force: true });
});

/** Lines of whole messages, interleaved, each of them written in pieces as a busy server's are. */
class Writer {
  written = 0;
  readonly #open: string[][] = [];

  async messages(count: number): Promise<void> {
    for (let i = 0; i < count; i++) this.#open.push(linesOf(++this.written));
    for (let i = 0; i < count; i++) await this.#step();
  }

  /** Writes what is left of every message. */
  async finish(): Promise<void> {
    while (this.#open.length > 0) await this.#step();
  }

  async #step(): Promise<void> {
    const texts: string[] = [];
    for (const message of this.#open) {
      const line = message.shift();
      if (line !== undefined) texts.push(`${line}\n`);
    }
    this.#open.splice(0, this.#open.length, ...this.#open.filter((message) => message.length > 0));
    const text = texts.join('');
    const cut = Math.floor(Math.random() * text.length);
    await appendFile(log, text.slice(0, cut));
    await appendFile(log, text.slice(cut));
  }
}

function linesOf(number: number): string[] {
  const time = new Date(Date.UTC(2026, 10, 22, 8) + number * 10).toISOString().replace('Z', '000+00:00');
  const id = `4Wx${String(number).padStart(9, '0')}z`;
  const at = (program: string, rest: string) => `${time} mx1 postfix/${program}[1${number % 90}]: ${rest}`;
  return [
    at('smtpd', `${id}: client=client.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=u${number}`),
    at('cleanup', `${id}: message-id=<${number}@fault.example>`),
    at('qmgr', `${id}: from=<u${number}@example.org>, size=500, nrcpt=1 (queue active)`),
    at(
      'smtp',
      `${id}: to=<r${number}@example.com>, relay=mx.example.com[198.51.100.3]:25, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 2.0.0 Ok)`,
    ),
    at('qmgr', `${id}: removed`),
  ];
}

async function shift(): Promise<void> {
  for (let number = keptRotations; number >= 1; number--) {
    for (const suffix of ['', '.gz']) {
      const from = `${log}.${number}${suffix}`;
      if (existsSync(from)) await rename(from, `${log}.${number + 1}${suffix}`);
    }
  }
}

async function rotate(): Promise<void> {
  await shift();
  if (Math.random() < 0.6) {
    await rename(log, `${log}.1`);
    await writeFile(log, '');
  } else {
    await copyFile(log, `${log}.1`);
    await truncate(log, 0);
  }
  const older = `${log}.2`;
  if (!existsSync(older) || Math.random() < 0.5) return;
  await writeFile(`${older}.gz.part`, gzipSync(await readFile(older)));
  // With all digits of the time, as gzip does and utimes() of Node does not.
  execFileSync('touch', ['-r', older, `${older}.gz.part`]);
  await rename(`${older}.gz.part`, `${older}.gz`);
  await rm(older);
}

function startChild(): ChildProcess {
  const script = join(root, 'test/support/children/collector.mjs');
  return spawn(process.execPath, [script, log, join(folder, 'state'), eventsFile], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function readEvents(): Promise<TrafficEvent[]> {
  const text = await readFile(eventsFile, 'utf8').catch(() => '');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  // A line that a kill cut was not acknowledged.
  const parsed = whole.map((line) => {
    try {
      return trafficEventSchema.safeParse(JSON.parse(line)).data;
    } catch {
      return undefined;
    }
  });
  return parsed.filter((event) => event !== undefined);
}

const summary = (event: TrafficEvent) => {
  const { collectedAt: _collectedAt, ...rest } = event;
  return JSON.stringify(rest);
};

describe.skipIf(!built)(`a collector killed ${rounds} times${built ? '' : ' (skipped: not built)'}`, () => {
  it('gives each message’s events once by id, complete, while the log grows, is rotated, cut and compressed', async () => {
    const writer = new Writer();
    await writer.messages(20);
    for (let round = 0; round < rounds; round++) {
      const child = startChild();
      const exited = new Promise((resolve) => child.once('exit', resolve));
      const ready = new Promise((resolve) => child.stdout?.once('data', resolve));
      // One in five is killed while it starts.
      await Promise.race([round % 5 === 4 ? sleep(Math.random() * 300) : ready, exited]);
      const killAt = performance.now() + Math.random() * 250;
      let rotateAt = Math.random() < 0.5 ? performance.now() + Math.random() * 200 : Number.POSITIVE_INFINITY;
      while (performance.now() < killAt) {
        await writer.messages(1 + Math.floor(Math.random() * 30));
        if (performance.now() > rotateAt) {
          await rotate();
          rotateAt = Number.POSITIVE_INFINITY;
        }
        await sleep(2);
      }
      child.kill('SIGKILL');
      await exited;
      if (Math.random() < 0.3) {
        await writer.messages(10);
        await rotate();
        await writer.messages(10);
      }
    }
    await writer.finish();
    const child = startChild();
    const exited = new Promise((resolve) => child.once('exit', resolve));
    let last: { gapCount: number; notUnderstood: unknown; lagBytes: number } | undefined;
    child.stdout?.on('data', (chunk: Buffer) => {
      const line = chunk.toString().trim().split('\n').at(-1) ?? '';
      if (line.startsWith('[')) last = JSON.parse(line)[0];
    });
    let events: TrafficEvent[] = [];
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(200)) {
      events = await readEvents();
      const caughtUp = new Set(events.map((event) => event.eventId)).size >= 2 * writer.written;
      if (caughtUp && last?.lagBytes === 0) break;
    }
    child.kill('SIGKILL');
    await exited;

    expect(last).toMatchObject({ gapCount: 0, notUnderstood: {} });
    const byId = new Map<string, TrafficEvent>();
    for (const event of events) {
      const known = byId.get(event.eventId);
      if (known !== undefined) expect(summary(event)).toBe(summary(known));
      byId.set(event.eventId, event);
    }
    const found = new Map<string, number>();
    for (const event of byId.values()) {
      expect(event.correlation).toBe('complete');
      expect(event.senderIp).toBe('192.0.2.7');
      const key = `${event.type} ${event.messageId}`;
      found.set(key, (found.get(key) ?? 0) + 1);
    }
    const expected = new Map<string, number>();
    for (let number = 1; number <= writer.written; number++) {
      expected.set(`message.accepted ${number}@fault.example`, 1);
      expected.set(`message.delivered ${number}@fault.example`, 1);
    }
    const wrong = [...expected.keys()].filter((key) => found.get(key) !== 1);
    expect(wrong).toEqual([]);
    expect(found.size).toBe(expected.size);
  });
});
