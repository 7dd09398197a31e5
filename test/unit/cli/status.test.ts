import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder, run } from './support.ts';

const folder = makeFolder();
const data = folder.path('');
const source = {
  id: 'mail-log',
  kind: 'file',
  path: '/var/log/mail.log',
  state: 'following',
  lagBytes: 512,
  lastLineAt: '2026-11-22T10:00:00.000Z',
  lines: 100,
  events: 40,
  ignored: 50,
  repeated: 0,
  notUnderstood: { 'header.unknown': 7, 'postfix.queue_line': 3 },
  gapCount: 1,
  gaps: [{ reason: 'rotation.lost', position: '12:0', readAt: '2026-11-22T10:00:00.000Z' }],
  open: 2,
  lastFault: { code: 'EACCES', message: 'this user may not read the file', at: '2026-11-22T10:00:00.000Z' },
};
const answers: Record<string, unknown> = {
  '/status': {
    version: '0.1.0',
    startedAt: '2026-11-22T09:00:00.000Z',
    url: 'https://griffie.example.nl',
    sources: [source],
    ingester: { events: 40, rejected: 0 },
    ledger: { size: 17 },
  },
  '/sources/mail-log/not-understood': [
    { reason: 'header.unknown', position: '12:345', readAt: '2026-11-22T10:00:00.000Z' },
  ],
};

describe('griffie sources and griffie status', () => {
  let server: Server;
  beforeAll(async () => {
    server = createServer((request, response) => {
      const found = answers[request.url ?? ''];
      response.writeHead(found === undefined ? 404 : 200).end(JSON.stringify(found ?? {}));
    });
    await new Promise<void>((resolve) => server.listen(folder.path('griffie.sock'), resolve));
  });
  afterAll(() => {
    server.close();
    folder.remove();
  });

  it("show each source's lag, and lines that were not understood by reason", async () => {
    const { exitCode, stdout } = await run(['sources', '--data', data]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^mail-log +following +512 bytes +100 +40 +10 +1 +2 +2026-11-22T10:00:00\.000Z$/m);
    expect(stdout).toContain('mail-log: 7 lines not understood: header.unknown\n');
    expect(stdout).toContain('mail-log: 3 lines not understood: postfix.queue_line\n');
    expect(stdout).toContain('lines may be missing at 12:0: rotation.lost');
    expect(stdout).toContain('this user may not read the file (EACCES');
  });

  it('list the positions of such lines', async () => {
    const ran = await run(['sources', '--data', data, '--not-understood', 'mail-log', '--json']);
    expect(ran.json()).toEqual(answers['/sources/mail-log/not-understood']);
  });

  it('show what runs', async () => {
    const { stdout } = await run(['status', '--data', data]);
    expect(stdout).toMatch(/^ledger entries +17$/m);
    expect(stdout).toMatch(/^ingester events +40$/m);
    expect((await run(['status', '--data', data, '--json'])).json()).toEqual(answers['/status']);
  });

  it('say what to do where nothing runs: exit code 3', async () => {
    const ran = await run(['status', '--data', folder.path('elsewhere'), '--json']);
    expect({ exitCode: ran.exitCode, code: ran.error().code }).toEqual({
      exitCode: 3,
      code: 'status.not_running',
    });
    expect(ran.error().message).toContain('griffie start --data');
  });
});
