import { createHmac } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { SourceTally } from '#shared/traffic';
import { failedLogin, type Hook, newFolder, post, startHook, until } from './webhook-support.ts';

let hooks: Hook[] = [];
afterEach(async () => {
  await Promise.all(hooks.map((hook) => hook.stop()));
  hooks = [];
});

const start = async (...args: Parameters<typeof startHook>): Promise<Hook> => {
  const hook = await startHook(...args);
  hooks.push(hook);
  return hook;
};
const restart = async (hook: Hook): Promise<Hook> => {
  hooks = hooks.filter((each) => each !== hook);
  const again = await hook.restart();
  hooks.push(again);
  return again;
};

const at = (second: number) => `2026-11-22T18:00:${String(second).padStart(2, '0')}.000123Z`;
const event = (name: string, second: number, fields: object, category = 'service:imap', hostname = 'mx1') =>
  JSON.stringify({
    event: name,
    hostname: `${hostname}.example.nl`,
    start_time: at(second),
    end_time: at(second),
    categories: [category],
    fields: { session: 's1', user: 'alice@example.nl', remote_ip: '203.0.113.9', ...fields },
  });
const login = (second: number, hostname?: string) =>
  event('auth_request_finished', second, { success: 'yes', service: 'imap' }, 'auth', hostname);
const logout = (second: number, hostname?: string) =>
  event('mail_user_session_finished', second, {}, 'service:imap', hostname);

const types = (hook: Hook) => hook.publisher.events.map(({ type }) => type);

describe('a webhook source', () => {
  it('makes events of documents, NDJSON and log lines', async () => {
    const hook = await start();
    const json = { 'content-type': 'application/json; charset=utf-8' };
    expect((await post(hook.port, failedLogin(1), json)).status).toBe(204);
    expect((await post(hook.port, `${failedLogin(2)}\n${failedLogin(3)}\n`)).status).toBe(204);
    const text =
      '2026-11-22T10:00:00.000123+00:00 mx1 dovecot: imap-login: Login: user=<bob@example.nl>, method=PLAIN, rip=192.0.2.4, lip=192.0.2.1, mpid=7, TLS, session=<abcdef>';
    expect((await post(hook.port, text, { 'content-type': 'text/plain' })).status).toBe(204);
    await until(() => hook.publisher.events.length === 4);
    expect(hook.publisher.events.map(({ recipientUser }) => recipientUser)).toEqual([
      'u1@example.nl',
      'u2@example.nl',
      'u3@example.nl',
      'bob@example.nl',
    ]);
    await until(() => hook.status().lagBytes === 0);
    expect(hook.status()).toMatchObject({
      kind: 'webhook',
      state: 'following',
      lines: 4,
      events: 4,
      requests: { accepted: 3, refused: {} },
    });
  });

  it('counts what no adapter understands, and says where it stood', async () => {
    const hook = await start();
    await post(hook.port, '{"type":"Delivery","sender":"a@example.org"}', {
      'content-type': 'application/json',
    });
    await post(hook.port, '{"broken":');
    await until(() => hook.status().lines === 2);
    expect(hook.status().notUnderstood).toEqual({ 'dovecot.event_unnamed': 1, 'json.malformed': 1 });
    const listed = hook.collector.notUnderstood('hook');
    expect(listed.map(({ position }) => position.split(':')[1])).toEqual(['1', '0']);
  });

  it('takes a delivery that is repeated for the same one, also after a restart and with a session closed in between', async () => {
    const told: SourceTally[] = [];
    const tell = async (tallies: readonly SourceTally[]): Promise<void> => void told.push(...tallies);
    let hook = await start({}, { tell });
    const session = [login(1), logout(2)];
    for (const each of session) await post(hook.port, each);
    await until(() => hook.publisher.events.length === 2);
    // The acknowledgement was lost: the sender sends both again, in any order and company.
    for (const each of [...session, `${session.join('\n')}\n`]) {
      expect((await post(hook.port, each)).status).toBe(204);
    }
    hook = await restart(hook);
    await post(hook.port, session.join('\n'));
    // What a second, partial logout would wait for.
    await post(hook.port, failedLogin(1_000_000));
    await until(() => hook.publisher.events.length === 3);
    expect(types(hook)).toEqual(['session.login', 'session.logout', 'session.login_failed']);
    expect(hook.publisher.events[1]).toMatchObject({ clientIp: '203.0.113.9', correlation: 'complete' });
    expect(hook.status()).toMatchObject({ lines: 9, repeated: 6 });
    // By days: midnight may have come between.
    await hook.collector.stop();
    const last = new Map(told.map((tally) => [tally.day, tally]));
    const sum = (member: 'lines' | 'repeated' | 'understood' | 'events'): number =>
      [...last.values()].reduce((total, tally) => total + tally[member], 0);
    expect([sum('lines'), sum('repeated'), sum('understood'), sum('events')]).toEqual([9, 6, 3, 3]);
  });

  it('keeps two log lines of one second apart that say the same', async () => {
    const hook = await start();
    const reject =
      'Nov 22 10:00:00 mx1 postfix/smtpd[9]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 554 5.7.1 <x@example.org>: Relay access denied; from=<a@example.org> to=<x@example.org> proto=ESMTP helo=<h>';
    for (let i = 0; i < 2; i++) await post(hook.port, reject, { 'content-type': 'text/plain' });
    await until(() => hook.publisher.events.length === 2);
    expect(new Set(hook.publisher.events.map(({ eventId }) => eventId)).size).toBe(2);
  });

  it('correlates hosts each on its own clock, and a logout that comes before its login', async () => {
    const hook = await start();
    await post(hook.port, logout(2, 'mx1'));
    await post(hook.port, login(50, 'mx2'));
    await post(hook.port, login(1, 'mx1'));
    await until(() => hook.publisher.events.length === 3);
    const ended = hook.publisher.events.find(({ type }) => type === 'session.logout');
    expect(ended).toMatchObject({ host: 'mx1.example.nl', correlation: 'complete', clientIp: '203.0.113.9' });
  });

  it('has what it acknowledged while the bus was away, after a restart and with the same ids', async () => {
    let hook = await start();
    hook.publisher.mode = 'refuse';
    for (let number = 0; number < 50; number++) await post(hook.port, failedLogin(number));
    expect(hook.status().lagBytes).toBeGreaterThan(5_000);
    hook = await restart(hook);
    hook.publisher.take();
    await until(() => hook.publisher.events.length === 50);
    hook = await restart(hook);
    await post(hook.port, failedLogin(50));
    await until(() => hook.publisher.events.length >= 51);
    expect(new Set(hook.publisher.events.map(({ eventId }) => eventId)).size).toBe(51);
    expect(hook.publisher.events.length).toBe(51);
  });

  it('holds nothing of an event’s content on its disk', async () => {
    const hook = await start();
    const planted = 'planted-content';
    hook.publisher.mode = 'refuse';
    await post(
      hook.port,
      event('imap_command_finished', 1, { cmd_args: planted, message_subject: planted, error: planted }),
    );
    await post(hook.port, failedLogin(1));
    const folder = join(hook.folder, 'state');
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((file) =>
      file.isFile(),
    );
    const contents = await Promise.all(
      files.map((file) => readFile(join(file.parentPath, file.name), 'latin1')),
    );
    expect(contents.some((content) => content.includes('u1@example.nl'))).toBe(true);
    expect(contents.some((content) => content.includes(planted))).toBe(false);
  });

  it('says that lines may be missing where its spool was taken away', async () => {
    let hook = await start();
    await post(hook.port, failedLogin(1));
    await until(() => hook.publisher.events.length === 1);
    await hook.collector.stop();
    await rm(join(hook.folder, 'state/hook/spool'), { recursive: true });
    hook = await restart(hook);
    await post(hook.port, failedLogin(2));
    await until(() => hook.publisher.events.length === 2);
    expect(hook.status()).toMatchObject({ gapCount: 1, gaps: [{ reason: 'lost' }] });
    hook = await restart(hook);
    expect(hook.status().gapCount).toBe(1);
  });

  it('does not listen without a secret that is fit, and says so', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'short'), 'short');
    await writeFile(join(folder, 'blanks'), 'not a token, and long enough');
    for (const [scheme, file, why] of [
      ['bearer', 'absent', 'cannot be read'],
      ['hmac', 'short', 'at least 16 bytes'],
      ['basic', 'bearer', 'user:password'],
      ['bearer', 'blanks', 'a token'],
    ] as const) {
      const secrets = [{ scheme, file: join(folder, file) }];
      const hook = await start({ secrets }, { folder, state: 'failed' });
      expect(hook.status().lastFault).toMatchObject({
        code: 'SOURCE_SECRET_UNUSABLE',
        message: expect.stringContaining(why),
      });
      await expect(post(hook.port, failedLogin(1))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await hook.collector.stop();
    }
  });

  it('takes the old and the new secret while one is exchanged for the other, in each scheme', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'old'), 'old-secret.long-enough');
    await writeFile(join(folder, 'new'), 'new-secret.long-enough\r\n');
    await writeFile(join(folder, 'url'), 'griffie:a password, long enough\n');
    const secrets = (['bearer', 'hmac'] as const).flatMap((scheme) =>
      ['old', 'new'].map((name) => ({ scheme, file: join(folder, name) })),
    );
    const hook = await start(
      { secrets: [...secrets, { scheme: 'basic', file: join(folder, 'url') }] },
      { folder },
    );
    const body = failedLogin(1);
    const sign = (key: string, what = body) => createHmac('sha256', key).update(what).digest('base64');
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
    const send = async (headers: Record<string, string>) =>
      (await post(hook.port, body, { authorization: '', ...headers })).status;
    expect(await send({ authorization: 'Bearer old-secret.long-enougj' })).toBe(401);
    for (const key of ['old-secret.long-enough', 'new-secret.long-enough']) {
      expect(await send({ authorization: `Bearer ${key}` })).toBe(204);
      expect(await send({ 'x-signature': sign(key) })).toBe(204);
      expect(await send({ 'x-signature': sign(key, `${body} `) })).toBe(401);
    }
    expect(await send({ authorization: basic('griffie:a password, long enough') })).toBe(204);
    expect(await send({ authorization: basic('griffie:a password, long enougj') })).toBe(401);
    expect(await send({ authorization: basic('other:a password, long enough') })).toBe(401);
    expect(hook.status().requests).toEqual({ accepted: 5, refused: { 'webhook.unauthorized': 5 } });
  });
});
