import { appendFile, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createJournalSource, type LineSource } from '../../../../services/collector/sources/index.ts';

/** Answers as journalctl does, over a file with one entry a line: no journal is needed to see the contract. */
const standIn = (journal: string, calls: string): string => `#!/usr/bin/env node
const { readFileSync, appendFileSync } = require('node:fs');
const args = process.argv.slice(2);
appendFileSync(${JSON.stringify(calls)}, JSON.stringify(args) + '\\n');
const after = args.find((a) => a.startsWith('--after-cursor='))?.slice(15);
const lines = () => readFileSync(${JSON.stringify(journal)}, 'utf8').split('\\n').filter(Boolean);
if (args.includes('--lines=1')) { process.stdout.write((lines().at(-1) ?? '') + '\\n'); process.exit(0); }
let next = after === undefined ? 0 : lines().findIndex((l) => JSON.parse(l).__CURSOR === after) + 1;
setInterval(() => { const all = lines(); for (; next < all.length; next++) {
  process.stdout.write(all[next] + '\\n'); if (JSON.parse(all[next]).MESSAGE === 'die') setTimeout(() => process.exit(1), 20); } }, 5);
`;

let folder: string;
let journal: string;
let calls: string;
let command: string;
let open: LineSource[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'griffie-journal-'));
  journal = join(folder, 'journal');
  calls = join(folder, 'calls');
  command = join(folder, 'journalctl');
  await writeFile(journal, '');
  await writeFile(command, standIn(journal, calls));
  await chmod(command, 0o755);
});
afterEach(async () => {
  await Promise.all(open.map((source) => source.close()));
  open = [];
  await rm(folder, { recursive: true, force: true });
});

const write = (number: number, message = `m${number}`) =>
  appendFile(journal, `${JSON.stringify({ __CURSOR: `c${number}`, MESSAGE: message })}\n`);

async function start(resume?: unknown, from: 'beginning' | 'end' = 'beginning') {
  const source = createJournalSource({ command, matches: ['SYSLOG_FACILITY=2'], from });
  open.push(source);
  return { source, start: await source.open(resume) };
}

async function readSome(source: LineSource, count: number) {
  const messages: string[] = [];
  let resume: unknown;
  while (messages.length < count) {
    const batch = await source.read(100, new AbortController().signal);
    messages.push(...batch.lines.map((line) => String(JSON.parse(line.text).MESSAGE)));
    resume = batch.resume;
  }
  return { messages, resume };
}

describe('the journal', () => {
  it('is followed from its beginning, and again after the last committed entry', async () => {
    await write(1);
    await write(2);
    const first = await start();
    const seen = await readSome(first.source, 2);
    expect(seen.messages).toEqual(['m1', 'm2']);
    await first.source.close();
    await write(3);
    const second = await start(seen.resume);
    expect((await readSome(second.source, 1)).messages).toEqual(['m3']);
    const args = JSON.parse((await readFile(calls, 'utf8')).trim().split('\n').at(-1) ?? '[]');
    expect(args).toContain('--after-cursor=c2');
    expect(args).toContain('--output=json');
    expect(args.at(-1)).toBe('SYSLOG_FACILITY=2');
  });

  it('from its end, goes on there after a kill before the first line', async () => {
    await write(1);
    const first = await start(undefined, 'end');
    await first.source.close();
    await write(2);
    const second = await start(first.start, 'end');
    expect((await readSome(second.source, 1)).messages).toEqual(['m2']);
  });

  it('says when its reader stops, after giving what it gave', async () => {
    await write(1, 'die');
    const { source } = await start();
    await readSome(source, 1);
    await expect(
      (async () => {
        for (;;) await source.read(1, new AbortController().signal);
      })(),
    ).rejects.toMatchObject({ code: 'SOURCE_COMMAND_FAILED' });
  });

  it('says when journalctl is not there', async () => {
    const source = createJournalSource({ command: join(folder, 'absent'), matches: [], from: 'end' });
    open.push(source);
    await expect(source.open(undefined)).rejects.toMatchObject({ code: 'SOURCE_COMMAND_FAILED' });
  });
});
