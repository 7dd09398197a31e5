import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { trafficEventSchema } from '#shared/traffic';
import { bytes, run } from './support.ts';

const log = [
  '2026-11-22T10:00:00.000000+01:00 mx1 postfix/smtpd[100]: 0AD19988ADE: client=mail.example.org[192.0.2.7]',
  '2026-11-22T10:00:00.100000+01:00 mx1 postfix/cleanup[101]: 0AD19988ADE: message-id=<a1@example.org>',
  '2026-11-22T10:00:00.200000+01:00 mx1 postfix/qmgr[102]: 0AD19988ADE: from=<bob@example.org>, size=1234, nrcpt=1 (queue active)',
  '2026-11-22T10:00:01.000000+01:00 mx1 postfix/lmtp[103]: 0AD19988ADE: to=<alice@example.nl>, relay=mx1[private/dovecot-lmtp], delay=1, delays=0.1/0/0/0.9, dsn=2.0.0, status=sent (250 2.0.0 secret-reply-text Saved)',
  '2026-11-22T10:00:01.100000+01:00 mx1 postfix/qmgr[102]: 0AD19988ADE: removed',
  'what is this line',
  '',
].join('\n');

const now = () => Date.parse('2026-11-22T12:00:00Z');

describe('griffie parse', () => {
  it('turns lines into events, and tells what was not understood by reason', async () => {
    const ran = await run(['parse', 'auto'], { stdin: bytes(log.slice(0, 333), log.slice(333)), now });
    expect(ran.exitCode).toBe(0);
    const events = ran.stdout
      .trimEnd()
      .split('\n')
      .map((line) => trafficEventSchema.parse(JSON.parse(line)));
    expect(events.map(({ type }) => type)).toContain('message.delivered');
    expect(events.find(({ type }) => type === 'message.delivered')).toMatchObject({
      senderAddress: 'bob@example.org',
      senderIp: '192.0.2.7',
      recipientAddress: 'alice@example.nl',
      occurredAt: '2026-11-22T09:00:01.000Z',
    });
    expect(ran.stderr).toMatch(/^header\.unknown\s+1$/m);
    expect(ran.stdout + ran.stderr).not.toContain('secret-reply-text');
    expect(ran.stderr).not.toContain('what is this line');
  });

  it('gives the summary as JSON', async () => {
    const ran = await run(['parse', 'postfix', '--json'], { stdin: bytes(log), now });
    expect(JSON.parse(ran.stderr)).toMatchObject({
      lines: 6,
      notUnderstood: { 'header.unknown': 1 },
      open: 0,
    });
  });

  it('takes the host and the zone of lines that name none', async () => {
    const line =
      'Nov 22 10:00:00 dovecot: imap-login: Login: user=<alice>, method=PLAIN, rip=192.0.2.9, lip=192.0.2.1, mpid=7, TLS, session=<s1>\n';
    const ran = await run(
      [
        'parse',
        'auto',
        '--format',
        'dovecot',
        '--time-zone',
        'Europe/Amsterdam',
        '--host',
        'IMAP.Example.NL',
      ],
      { stdin: bytes(line), now },
    );
    const events = ran.stdout
      .split('\n')
      .filter(Boolean)
      .map((text) => JSON.parse(text));
    expect(events.map(({ host }) => host).every((host) => host === 'imap.example.nl')).toBe(true);
    expect(ran.exitCode).toBe(0);
  });

  it('holds back while the reader is slow, and keeps every event', async () => {
    let most = 0;
    let written = '';
    const slow = new Writable({
      highWaterMark: 1,
      write: (chunk: Buffer, _encoding, done) => {
        written += chunk.toString();
        setTimeout(done, 2);
      },
    });
    async function* stdin(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 800; i++) {
        most = Math.max(most, slow.writableLength);
        yield Buffer.from(log.replaceAll('0AD19988ADE', `0AD19988${100 + i}`));
      }
    }
    const ran = await run(['parse', 'auto', '--json'], { stdin: stdin(), stdout: slow, now });
    const { events } = JSON.parse(ran.stderr);
    expect(written.trimEnd().split('\n')).toHaveLength(events);
    expect(events).toBeGreaterThanOrEqual(800);
    expect(most).toBeLessThan(100_000);
  });

  it('says so where the output is on a full disk', async () => {
    const full = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('full'), { code: 'ENOSPC' })),
    });
    full.on('error', () => {});
    const ran = await run(['parse', 'auto', '--json'], { stdin: bytes(log), stdout: full, now });
    expect({ exitCode: ran.exitCode, code: ran.error().code }).toEqual({
      exitCode: 2,
      code: 'file.disk_full',
    });
  });

  it('that fails inside is exit code 70, without a stack and without what was read', async () => {
    // biome-ignore lint/correctness/useYield: it fails at its first read.
    async function* stdin(): AsyncGenerator<Uint8Array> {
      throw new Error('to=<alice@example.nl>');
    }
    const ran = await run(['parse', 'auto'], { stdin: stdin(), now });
    expect(ran.exitCode).toBe(70);
    expect(ran.stderr).toMatch(/^griffie: [^\n]+ \(internal\)\n$/);
    expect(ran.stderr).not.toContain('alice');
  });

  it('ends quietly when the reader goes away', async () => {
    const closed = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('closed'), { code: 'EPIPE' })),
    });
    closed.on('error', () => {});
    const ran = await run(['parse', 'auto'], { stdin: bytes(log), stdout: closed, now });
    expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
  });
});
