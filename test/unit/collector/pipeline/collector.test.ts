import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { topics } from '#shared/bus';
import { eventIdFor } from '#shared/traffic';
import {
  type Collector,
  type CollectorDeps,
  createCollector,
  sourceConfigSchema,
} from '../../../../services/collector/index.ts';
import { countingAdapter, fixedClock, logLine, MemoryPublisher, startCollector, until } from './support.ts';

let base: string;
let state: string;
let path: string;
let running: Collector[] = [];
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'griffie-collector-'));
  state = join(base, 'state');
  path = join(base, 'mail.log');
});
afterEach(async () => {
  await Promise.all(running.map((collector) => collector.stop()));
  running = [];
  await rm(base, { recursive: true, force: true });
});

const file = () => ({ id: 'mx1', kind: 'file' as const, path });
const write = (...messages: string[]) => appendFile(path, messages.map((m) => `${logLine(m)}\n`).join(''));
function start(publisher: MemoryPublisher, further: Partial<CollectorDeps> = {}): Collector {
  const collector = startCollector(state, publisher, file(), further);
  running.push(collector);
  return collector;
}
function statusOf(collector: Collector) {
  const [status] = collector.status();
  if (status === undefined) throw new Error('there is no source');
  return status;
}

describe('the collector', () => {
  it('publishes an event with its id, place and time of collection', async () => {
    await write('open A', 'close A');
    const publisher = new MemoryPublisher();
    start(publisher);
    await until(() => publisher.published.length === 1);
    const position = `1:${logLine('open A').length + 1}`;
    const [published] = publisher.published;
    expect(published?.topic).toBe(topics.traffic);
    expect(published?.record.key).toBe('mx1|A');
    expect(published?.event).toMatchObject({
      eventId: eventIdFor('mx1', position, 0),
      sourceId: 'mx1',
      sourcePosition: position,
      collectedAt: '2026-11-22T12:00:00.000Z',
      recipientCount: 2,
    });
  });

  it('catches up by large publications, and goes on after the last that was acknowledged', async () => {
    const ids = Array.from({ length: 20_000 }, (_, n) => `m${n}`);
    await write(...ids.flatMap((id) => [`open ${id}`, `close ${id}`]));
    const publisher = new MemoryPublisher();
    publisher.onPublish = async () => {
      // From the second on it takes none.
      publisher.refuse = true;
    };
    const publications = { events: 8_000, everyMs: 60_000 };
    const first = start(publisher, { publications });
    await until(() => publisher.calls >= 2);
    await first.stop();
    const taken = publisher.events.length;
    expect(taken).toBeGreaterThan(publications.events);
    expect(taken).toBeLessThan(2 * publications.events);
    const second = new MemoryPublisher();
    start(second, { publications });
    await until(() => taken + second.events.length === ids.length);
    expect(second.calls).toBeLessThanOrEqual(3);
    const all = [...publisher.events, ...second.events];
    expect(new Set(all.map(({ queueId }) => queueId)).size).toBe(ids.length);
  });

  it('publishes once in a while where it is not behind, however its lines come', async () => {
    await write('open first');
    const publisher = new MemoryPublisher();
    const collector = start(publisher, { publications: { events: 8_000, everyMs: 500 } });
    await until(() => statusOf(collector).state === 'following');
    const started = performance.now();
    for (let n = 0; performance.now() - started < 2_000; n++) {
      await write(`open a${n}`, `close a${n}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(publisher.events.length).toBeGreaterThan(20);
    expect(publisher.calls).toBeGreaterThanOrEqual(3);
    expect(publisher.calls).toBeLessThanOrEqual(6);
  });

  it('keeps open messages over a restart', async () => {
    await write('open A', 'more A');
    const first = start(new MemoryPublisher());
    await until(() => statusOf(first).lines === 2);
    await first.stop();
    await write('close A');
    const publisher = new MemoryPublisher();
    start(publisher);
    await until(() => publisher.events.length === 1);
    expect(publisher.events[0]?.recipientCount).toBe(3);
  });

  it('holds its position while the bus refuses, says so, and goes on when it takes again', async () => {
    await write('open A', 'close A');
    const publisher = new MemoryPublisher();
    publisher.refuse = true;
    const collector = start(publisher);
    await until(() => publisher.calls >= 2);
    const { lastFault } = statusOf(collector);
    expect(lastFault?.code).toBe('BUS_DOWN');
    expect(JSON.stringify(lastFault)).not.toContain('alice');
    await collector.stop();
    const second = new MemoryPublisher();
    const again = start(second);
    await until(() => second.events.length === 1);
    expect(second.events[0]?.recipientCount).toBe(2);
    expect(statusOf(again).lastFault).toBeUndefined();
  });

  it('does not read on while the bus is silent', async () => {
    await write(...Array.from({ length: 20_000 }, (_, i) => `close ${i}`));
    const publisher = new MemoryPublisher();
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    publisher.onPublish = () => gate;
    const collector = start(publisher);
    await until(() => publisher.calls === 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(statusOf(collector).lines).toBeLessThan(10_000);
    release();
    await until(() => publisher.events.length === 20_000);
  });

  it('killed after any publication gives every event again with the same id, none other, none less', async () => {
    const publisher = new MemoryPublisher();
    const copies: string[] = [];
    publisher.onPublish = async () => {
      const copy = join(base, `killed-${copies.length}`);
      await cp(state, copy, { recursive: true });
      copies.push(copy);
    };
    const first = start(publisher);
    for (let i = 0; i < 12; i++) {
      await write(`open ${i}`, `more ${i - 1}`, `close ${i - 2}`, 'nonsense', `more ${i}`);
      await until(() => statusOf(first).lines === (i + 1) * 5);
    }
    await first.stop();
    const expected = new Map(publisher.events.map((event) => [event.eventId, event.recipientCount]));
    expect(expected.size).toBe(12);
    expect(copies.length).toBeGreaterThan(5);
    for (const copy of copies) {
      const before = publisher.events.slice(0, copies.indexOf(copy));
      const again = new MemoryPublisher();
      const collector = start(again, { stateDirectory: copy });
      await until(() => statusOf(collector).lines === 60);
      await collector.stop();
      const all = new Map([...before, ...again.events].map((event) => [event.eventId, event.recipientCount]));
      expect(all).toEqual(expected);
      expect(statusOf(collector).notUnderstood).toEqual({ 'postfix.unknown_verb': 12 });
      expect(collector.notUnderstood('mx1')).toHaveLength(12);
    }
  });

  it('counts and lists what it did not understand, over restarts, and keeps nothing of what it said', async () => {
    await write('secret-subject', 'throw secret-body', 'idle');
    await appendFile(path, `no header secret-text\n${'secret-long'.repeat(3000)}\n`);
    const first = start(new MemoryPublisher());
    await until(() => statusOf(first).lines === 5);
    await first.stop();
    const second = start(new MemoryPublisher());
    await until(() => statusOf(second).lines === 5);
    expect(statusOf(second)).toMatchObject({
      ignored: 1,
      notUnderstood: {
        'postfix.unknown_verb': 1,
        'postfix.fault': 1,
        'header.unknown': 1,
        'line.too_long': 1,
      },
    });
    const listed = second.notUnderstood('mx1');
    expect(listed.map(({ reason }) => reason)).toEqual([
      'line.too_long',
      'header.unknown',
      'postfix.fault',
      'postfix.unknown_verb',
    ]);
    expect(listed.at(-1)).toEqual({
      reason: 'postfix.unknown_verb',
      position: '1:0',
      readAt: '2026-11-22T12:00:00.000Z',
    });
    for (const name of await readdir(join(state, 'mx1'))) {
      expect(await readFile(join(state, 'mx1', name), 'utf8')).not.toContain('secret');
    }
    expect((await stat(join(state, 'mx1'))).mode & 0o777).toBe(0o700);
  });

  it('lists the last thousand', async () => {
    await write(...Array.from({ length: 2_345 }, () => 'nonsense'));
    const collector = start(new MemoryPublisher());
    await until(() => statusOf(collector).lines === 2_345);
    const listed = collector.notUnderstood('mx1');
    expect(listed).toHaveLength(1000);
    expect(listed[0]?.position).toBe(`1:${2_344 * (logLine('nonsense').length + 1)}`);
  });

  it('does not publish an event that is none, and names the field', async () => {
    await write(`close ${'x'.repeat(200)}`, 'close B');
    const publisher = new MemoryPublisher();
    const collector = start(publisher);
    await until(() => publisher.events.length === 1);
    expect(publisher.events[0]?.queueId).toBe('B');
    expect(statusOf(collector).notUnderstood).toEqual({ 'event.invalid.queueId': 1 });
  });

  it('keeps an event with a value that was not readable, marks the value and counts the line', async () => {
    await writeFile(path, Buffer.concat([Buffer.from(logLine('close A')), Buffer.from([0xff, 0x0a])]));
    const publisher = new MemoryPublisher();
    const collector = start(publisher);
    await until(() => publisher.events.length === 1);
    expect(publisher.events[0]?.queueId).toBe('A\ufffd');
    expect(statusOf(collector).notUnderstood).toEqual({ 'line.not_utf8': 1 });
  });

  it('says of each source where it stands', async () => {
    await write('open A', 'open B', 'close B');
    const collector = start(new MemoryPublisher());
    await until(() => statusOf(collector).events === 1 && statusOf(collector).lagBytes === 0);
    expect(statusOf(collector)).toEqual({
      id: 'mx1',
      kind: 'file',
      path,
      state: 'following',
      lagBytes: 0,
      lastLineAt: '2026-11-22T10:00:00.000Z',
      lines: 3,
      events: 1,
      ignored: 0,
      repeated: 0,
      notUnderstood: {},
      gapCount: 0,
      gaps: [],
      open: 1,
    });
    await collector.stop();
    expect(statusOf(collector).state).toBe('stopped');
  });

  it('waits for a file that is not there, and reports and counts a gap once', async () => {
    const publisher = new MemoryPublisher();
    const first = start(publisher);
    await until(() => statusOf(first).state === 'waiting');
    await write('close A');
    await until(() => publisher.events.length === 1);
    await first.stop();
    await rm(path);
    await write('close B', 'close C');
    const second = start(publisher);
    await until(() => publisher.events.length === 3);
    await second.stop();
    const third = start(publisher);
    await until(() => statusOf(third).lines === 3);
    expect(statusOf(third)).toMatchObject({ gapCount: 1, gaps: [{ reason: 'lost' }] });
  });

  it('says what is wrong with a path that is no file, and goes on when it has become one', async () => {
    await mkdir(path);
    const publisher = new MemoryPublisher();
    const collector = start(publisher);
    await until(() => statusOf(collector).state === 'failed');
    expect(statusOf(collector).lastFault?.code).toBe('SOURCE_NOT_A_FILE');
    await rm(path, { recursive: true });
    await write('close A');
    await until(() => publisher.events.length === 1);
  });

  it('refuses a damaged checkpoint, says so, and does not touch it', async () => {
    await write('close A', 'close B');
    const first = start(new MemoryPublisher());
    await until(() => statusOf(first).lines === 2);
    await first.stop();
    const log = join(state, 'mx1', '0.log');
    const bytes = await readFile(log);
    bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40);
    await writeFile(log, bytes);
    const publisher = new MemoryPublisher();
    const second = start(publisher);
    await until(() => statusOf(second).state === 'failed');
    expect(statusOf(second).lastFault).toMatchObject({
      code: 'CHECKPOINT_DAMAGED',
      message: expect.stringContaining('restore the folder'),
    });
    await second.stop();
    expect(await readFile(log)).toEqual(bytes);
    expect(publisher.calls).toBe(0);
  });
});

describe('standard input', () => {
  async function* chunks(text: string, size: number): AsyncGenerator<Uint8Array> {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }

  it('is read to its end, the unfinished last line too, and never repeats a position', async () => {
    const text = `${logLine('open A')}\n${logLine('close A')}`;
    const ids = new Set<string>();
    for (const size of [1, 17, 1000]) {
      const publisher = new MemoryPublisher();
      const source = { id: 'in', kind: 'stdin' as const };
      const collector = startCollector(state, publisher, source, { stdin: chunks(text, size) });
      await collector.ended();
      expect(publisher.events).toHaveLength(1);
      expect(publisher.events[0]?.recipientCount).toBe(2);
      for (const event of publisher.events) ids.add(event.eventId);
    }
    expect(ids.size).toBe(3);
  });
});

describe('the configuration of a source', () => {
  it('has defaults that follow a file from its beginning, in UTC', () => {
    expect(sourceConfigSchema.parse({ id: 'a', kind: 'file', path: '/var/log/mail.log' })).toEqual({
      id: 'a',
      kind: 'file',
      path: '/var/log/mail.log',
      software: 'auto',
      timeZone: 'UTC',
      format: 'auto',
      from: 'beginning',
    });
  });

  for (const [what, wrong] of [
    ['an id with a path in it', { id: '../a', kind: 'stdin' }],
    ['an empty id', { id: '', kind: 'stdin' }],
    ['a file without a path', { id: 'a', kind: 'file' }],
    ['an unknown time zone', { id: 'a', kind: 'stdin', timeZone: 'Mars/Olympus' }],
    ['an unknown member', { id: 'a', kind: 'stdin', pth: 'x' }],
    ['a host that is no name', { id: 'a', kind: 'stdin', host: 'a b' }],
    ['a journal match that is an option', { id: 'a', kind: 'journal', matches: ['--file=/etc/shadow'] }],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(sourceConfigSchema.safeParse(wrong).success).toBe(false);
    });
  }

  it('refuses two sources of one id, and standard input that nobody gave', () => {
    const make = (sources: Parameters<typeof sourceConfigSchema.parse>[0][]) =>
      createCollector({
        sources: sources.map((source) => sourceConfigSchema.parse(source)),
        publisher: new MemoryPublisher(),
        stateDirectory: state,
        clock: fixedClock,
        logger: { info() {}, warn() {}, error() {} },
        adapters: [countingAdapter],
      });
    expect(() => make([file(), file()])).toThrow(TypeError);
    expect(() => make([{ id: 'in', kind: 'stdin' }])).toThrow(TypeError);
  });
});
