import { appendFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { matches, type SourceFigures } from '#shared/control';
import { createNoteSigner, parseVerifierKey, verifyLog } from '#shared/ledger';
import { readTileDirectory } from '#shared/ledger-storage';
import { createTrafficStore, defaultRetention, keyFolderOf, openEncryptedDatabase } from '#shared/store';
import { categoryIds, type TrafficEvent } from '#shared/traffic';
import { isBuilt, startGriffie } from '../support/griffie-process.ts';

const rounds = Number(process.env.ROUNDS ?? 30);
/** Messages and sessions written in each round. */
const perRound = 120;

describe.skipIf(!isBuilt)('the whole service killed at any moment (needs npm run build)', () => {
  let folder: string;
  let log: string;
  let written = 0;
  let rotations = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-kill-'));
    log = join(folder, 'mail.log');
    await writeFile(log, '');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Lines of one message with two recipients, one refused recipient, and one IMAP session. */
  function linesOf(n: number): string[] {
    const time = new Date(Date.UTC(2026, 10, 20) + n * 50).toISOString().replace('Z', '+00:00');
    const queueId = `4Z${String(n).padStart(9, '0')}z`;
    const line = (program: string, text: string): string => `${time} mx1 ${program}: ${text}\n`;
    const from = `sender${n}@fault.example`;
    const deliver = (to: string): string =>
      `${queueId}: to=<${to}>, relay=mx.fault.example[198.51.100.9]:25, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 2.0.0 Ok)`;
    return [
      line('postfix/smtpd[11]', `${queueId}: client=client.fault.example[192.0.2.9]`),
      line('postfix/cleanup[12]', `${queueId}: message-id=<m${n}@fault.example>`),
      line('postfix/qmgr[13]', `${queueId}: from=<${from}>, size=100, nrcpt=2 (queue active)`),
      line('postfix/smtp[14]', deliver(`a${n}@fault.example`)),
      line('postfix/smtp[14]', deliver(`b${n}@fault.example`)),
      line('postfix/qmgr[13]', `${queueId}: removed`),
      line(
        'dovecot',
        `imap-login: Info: Login: user=<u${n}@fault.example>, method=PLAIN, rip=192.0.2.9, lip=198.51.100.1, mpid=77, TLS, session=<s${n}>`,
      ),
      line('dovecot', `imap(u${n}@fault.example)<77><s${n}>: Info: Logged out in=10 out=20`),
    ];
  }

  /** Writes a round's lines evenly over a time, each in two pieces that end anywhere. */
  async function writeFor(milliseconds: number): Promise<void> {
    const begun = Date.now();
    for (let i = 0; i < perRound; i++) {
      const text = linesOf(++written).join('');
      const cut = Math.floor(Math.random() * text.length);
      await appendFile(log, text.slice(0, cut));
      await appendFile(log, text.slice(cut));
      const ahead = (milliseconds * (i + 1)) / perRound - (Date.now() - begun);
      if (ahead > 10) await sleep(ahead);
    }
  }

  /** Rotates as logrotate does: the oldest keep their names' order, none is overwritten. */
  async function rotate(): Promise<void> {
    for (let number = ++rotations; number > 1; number--)
      await rename(`${log}.${number - 1}`, `${log}.${number}`);
    await rename(log, `${log}.1`);
    await writeFile(log, '');
  }

  it(`${rounds} rounds of SIGKILL: every event whose line was written is found once`, async () => {
    const data = join(folder, 'data');
    const args = ['start', '--data', data, '--source', log, '--listen', '127.0.0.1:18425'];
    for (let round = 0; round < rounds; round++) {
      const griffie = startGriffie(args);
      // Some rounds die while they start, others while they read.
      if (round % 5 === 4) await sleep(Math.random() * 900);
      else {
        await griffie.says('Griffie is listening');
        await writeFor(Math.random() * 1500);
      }
      await griffie.end('SIGKILL');
      if (round % 7 === 6) await rotate();
    }
    const last = startGriffie(args);
    await last.says('Griffie is listening');
    await writeFor(0);
    const events = await waitForAll(last, data);
    const found = new Map<string, number>();
    for (const event of events) {
      const name = `${event.type} ${event.recipientAddress ?? event.recipientUser ?? event.senderAddress}`;
      found.set(name, (found.get(name) ?? 0) + 1);
    }
    const wrong: string[] = [];
    const expectOnce = (name: string): void => {
      if (found.get(name) !== 1) wrong.push(`${name}: ${found.get(name) ?? 0}`);
      found.delete(name);
    };
    for (let n = 1; n <= written; n++) {
      expectOnce(`message.accepted sender${n}@fault.example`);
      expectOnce(`message.delivered a${n}@fault.example`);
      expectOnce(`message.delivered b${n}@fault.example`);
      expectOnce(`session.login u${n}@fault.example`);
      expectOnce(`session.logout u${n}@fault.example`);
    }
    expect(wrong).toEqual([]);
    expect([...found.keys()]).toEqual([]);
    // The kills came between and during inserts: many lives of the process stored something.
    const collections = new Set(events.map(({ collectedAt }) => collectedAt.slice(0, 19)));
    expect(collections.size).toBeGreaterThan(rounds / 3);
    await expectLedgerHolds(data);
  }, 900_000);

  interface Sums {
    readonly sources: readonly SourceFigures[];
  }

  /** What the checkpoint counted through all kills is what was written, and what is stored. */
  async function expectSums(data: string): Promise<void> {
    const day = (back: number): string => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
    let figures: SourceFigures[] = [];
    // They are told every five seconds.
    for (let tries = 0; tries < 150; tries++) {
      const days = await ask<Sums[]>(data, `/sums/${day(1)}/${day(0)}`);
      figures = days.flatMap(({ sources }) => sources);
      if (figures.length > 0 && figures.every(matches)) break;
      await sleep(100);
    }
    const sum = (read: (one: SourceFigures) => number): number =>
      figures.reduce((total, one) => total + read(one), 0);
    expect(figures.filter((one) => !matches(one))).toEqual([]);
    expect(sum(({ lines }) => lines)).toBe(written * 8);
    expect(sum(({ events }) => events)).toBe(written * 5);
    expect(sum(({ stored, again }) => stored - again)).toBe(written * 5);
  }

  function ask<T>(data: string, path: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: join(data, 'griffie.sock'), path }, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve(JSON.parse(text)));
      });
      call.once('error', reject);
      call.end();
    });
  }

  /** Stops the service when it has read everything, and reads the store as a disclosure would. */
  async function waitForAll(griffie: ReturnType<typeof startGriffie>, data: string): Promise<TrafficEvent[]> {
    const status = () => ask<{ sources: { lines: number; lagBytes: number }[] }>(data, '/status');
    for (let tries = 0; tries < 600; tries++) {
      const { sources } = await status();
      if (sources[0]?.lagBytes === 0 && sources[0].lines === written * 8) break;
      await sleep(100);
    }
    await expectSums(data);
    expect(await griffie.end('SIGTERM')).toBe(0);
    const { database } = await openEncryptedDatabase({
      folder: join(data, 'engine'),
      keyFolder: keyFolderOf(data),
      now: Date.now(),
    });
    const store = createTrafficStore(database, { retention: defaultRetention });
    const events: TrafficEvent[] = [];
    const scope = {
      targets: [{ kind: 'domain' as const, value: 'fault.example' }],
      from: '2026-01-01T00:00:00.000Z',
      to: '2027-01-01T00:00:00.000Z',
      categories: [...categoryIds],
      collectedUpTo: new Date().toISOString(),
    };
    for await (const group of store.readScope(scope, { now: Date.now() })) events.push(...group);
    await store.close();
    return events;
  }

  async function expectLedgerHolds(data: string): Promise<void> {
    const key = JSON.parse(await readFile(join(data, 'keys/ledger-signing-key.json'), 'utf8'));
    const { vkey } = createNoteSigner(key.origin, key.privateKey).verifier;
    const report = await verifyLog(readTileDirectory(join(data, 'ledger')), {
      verifiers: [parseVerifierKey(vkey)],
    });
    expect(report.problems).toEqual([]);
  }
});
