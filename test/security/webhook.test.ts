import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Logger } from '#shared/runtime';
import { createCollector, sourceConfigSchema } from '../../services/collector/index.ts';
import {
  bearer,
  failedLogin,
  type Hook,
  newFolder,
  post,
  startHook,
  until,
} from '../integration/collector/webhook-support.ts';

const hmacKey = 'an-hmac-key-of-the-tests';
const planted = 'planted.person@example.nl';
const logged: string[] = [];
const logger: Logger = Object.fromEntries(
  ['info', 'warn', 'error'].map((level) => [
    level,
    (members: unknown, message: string) => logged.push(`${JSON.stringify(members)} ${message}`),
  ]),
) as unknown as Logger;

let hook: Hook;
let signed: Hook;
const answers: string[] = [];

beforeAll(async () => {
  hook = await startHook({}, { logger });
  const folder = await newFolder();
  await writeFile(join(folder, 'key'), hmacKey);
  signed = await startHook(
    { id: 'signed', secrets: [{ scheme: 'hmac', file: join(folder, 'key') }] },
    { folder, logger },
  );
});
afterAll(async () => {
  await Promise.all([hook.stop(), signed.stop()]);
});

const problem = (status: number, code: string) => ({ status, code });
async function refusal(...args: Parameters<typeof post>): Promise<{ status: number; code: string }> {
  const { status, headers, body } = await post(...args);
  answers.push(body + JSON.stringify(headers));
  expect(headers['content-type']).toBe('application/problem+json');
  const document = JSON.parse(body);
  expect(document).toMatchObject({ status, type: `urn:griffie:error:${document.code}` });
  expect(document.detail).not.toBe('');
  return { status, code: document.code };
}

/** Sends bytes as they are and gives all that comes back until the other side ends it. */
function raw(
  port: number,
  bytes: string | Buffer,
  then: (socket: Socket) => void = () => {},
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(bytes);
      then(socket);
    });
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}
const head = (length: number | string, more = '', path = '/v1/sources/hook/events') =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${bearer}\r\ncontent-type: text/plain\r\ncontent-length: ${length}\r\n${more}\r\n`;

const signature = (body: string, key = hmacKey) => createHmac('sha256', key).update(body).digest('base64');
const sendSigned = (body: string, headers: Record<string, string>) =>
  refusal(signed.port, body, { authorization: '', ...headers }, '/v1/sources/signed/events');

describe('who may deliver', () => {
  it.each([
    ['nothing', ''],
    ['a wrong token', `Bearer ${bearer}x`],
    ['a token that is a beginning of the right one', `Bearer ${bearer.slice(0, -1)}`],
    ['an empty token', 'Bearer '],
    ['the token as a password', `Basic ${Buffer.from(`${bearer}:${bearer}`).toString('base64')}`],
    ['the token under no scheme', bearer],
    ['the token under another scheme', `Token ${bearer}`],
    ['a very long token', `Bearer ${'x'.repeat(8_000)}`],
  ])('is nobody with %s', async (_, authorization) => {
    expect(await refusal(hook.port, planted, { authorization })).toEqual(
      problem(401, 'webhook.unauthorized'),
    );
  });

  it('is nobody with a signature that is not over exactly these bytes under a key of this source', async () => {
    const body = failedLogin(1);
    const refused = problem(401, 'webhook.unauthorized');
    expect(await sendSigned(body, {})).toEqual(refused);
    for (const wrong of [
      signature(`${body} `),
      signature(body, `${hmacKey}x`),
      signature(body, ''),
      signature(body).slice(0, -2),
      signature(body).replace('=', ''),
      `${signature(body)}, ${signature(body)}`,
      Buffer.from(signature(body), 'base64').toString('hex'),
      `sha256=${signature(body)}`,
    ]) {
      expect(await sendSigned(body, { 'x-signature': wrong })).toEqual(refused);
    }
    expect(await sendSigned(`${body}\n`, { 'x-signature': signature(body) })).toEqual(refused);
    // The key itself is no token.
    expect(await sendSigned(body, { authorization: `Bearer ${hmacKey}` })).toEqual(refused);
    const ok = await post(
      signed.port,
      body,
      { authorization: '', 'x-signature': signature(body) },
      '/v1/sources/signed/events',
    );
    expect(ok.status).toBe(204);
  });

  it('is another source’s sender neither here nor under another source’s path', async () => {
    const body = failedLogin(2);
    expect(await sendSigned(body, { authorization: `Bearer ${bearer}` })).toEqual(
      problem(401, 'webhook.unauthorized'),
    );
    expect(await refusal(hook.port, body, { authorization: '', 'x-signature': signature(body) })).toEqual(
      problem(401, 'webhook.unauthorized'),
    );
    expect(await refusal(hook.port, body, {}, '/v1/sources/signed/events')).toEqual(
      problem(404, 'webhook.not_found'),
    );
  });

  it('is told before its body was read', async () => {
    const text = await raw(
      hook.port,
      `POST /v1/sources/hook/events HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 1000000\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 401 /);
  });
});

describe('configuration', () => {
  const source = {
    id: 'a',
    kind: 'webhook',
    listen: '127.0.0.1:8426',
    secrets: [{ scheme: 'bearer', file: 'f' }],
  };
  it('is refused without a secret, in the clear where others reach it, or with a name that is a path', () => {
    expect(sourceConfigSchema.safeParse(source).success).toBe(true);
    for (const wrong of [
      { ...source, secrets: [] },
      { ...source, secrets: undefined },
      { ...source, listen: '0.0.0.0:8426' },
      { ...source, listen: '[::]:8426' },
      { ...source, listen: 'mail.example.nl:8426' },
      { ...source, id: '../a' },
      { ...source, secret: 'x' },
      { ...source, spoolBytes: 0 },
    ]) {
      expect(sourceConfigSchema.safeParse(wrong).success).toBe(false);
    }
    const tls = { certFile: 'c', keyFile: 'k' };
    expect(sourceConfigSchema.safeParse({ ...source, listen: '0.0.0.0:8426', tls }).success).toBe(true);
  });

  it('is refused where two sources listen on one address', () => {
    const sources = ['a', 'b'].map((id) => sourceConfigSchema.parse({ ...source, id }));
    const publisher = { publish: async () => {} };
    const deps = { sources, publisher, stateDirectory: '/nowhere', clock: { now: () => 0 }, logger };
    expect(() => createCollector(deps)).toThrow(TypeError);
  });
});

describe('what is delivered', () => {
  it('is refused in another type or encoding, too large, or too many lines, and nothing of it is kept', async () => {
    const before = hook.status().requests?.accepted;
    const gzip = gzipSync(failedLogin(3));
    const media = problem(415, 'webhook.media_type');
    const large = problem(413, 'webhook.too_large');
    expect(await refusal(hook.port, gzip, { 'content-encoding': 'gzip' })).toEqual(media);
    // A megabyte that would become a gigabyte.
    expect(await refusal(hook.port, gzipSync(Buffer.alloc(2 ** 26)), { 'content-encoding': 'gzip' })).toEqual(
      media,
    );
    for (const type of [
      'application/xml',
      'multipart/form-data; boundary=x',
      'text',
      'application/json5',
      '',
    ]) {
      expect(await refusal(hook.port, 'x', { 'content-type': type })).toEqual(media);
    }
    expect(await refusal(hook.port, 'x'.repeat(2 ** 20 + 1))).toEqual(large);
    expect(await refusal(hook.port, 'x\n'.repeat(10_001))).toEqual(large);
    expect(hook.status().requests?.accepted).toBe(before);
  });

  it('is not taken where it is cut off, or another length than it says', async () => {
    const before = hook.status();
    const line = failedLogin(4);
    await raw(hook.port, `${head(line.length + 50)}${line}\n`, (socket) =>
      setTimeout(() => socket.destroy(), 100),
    );
    await raw(hook.port, `${head(line.length + 50)}${line}\n`, (socket) => socket.end());
    expect(await raw(hook.port, `${head(-1)}x`)).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw(hook.port, `${head('0x10')}x`)).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw(hook.port, head(1, 'content-length: 2\r\n') + line)).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw(hook.port, head(4, 'transfer-encoding: chunked\r\n') + line)).toMatch(
      /^HTTP\/1\.1 400 /,
    );
    expect(hook.status().requests?.accepted).toBe(before.requests?.accepted);
    expect(hook.status().lines).toBe(before.lines);
  });

  it('is one request where it says that it ends sooner: the rest is no smuggled second one', async () => {
    const inner = `${head(5, '', '/v1/sources/hook/events').replace(bearer, 'wrong')}other`;
    const text = await raw(hook.port, `${head(4)}line${inner}`);
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 204', 'HTTP/1.1 401']);
  });

  it('is bounded in its headers', async () => {
    const many = Array.from({ length: 3_000 }, (_, i) => `x-${i}: ${'y'.repeat(20)}\r\n`).join('');
    expect(await raw(hook.port, head(1, many))).toMatch(/^HTTP\/1\.1 431 /);
    expect(await raw(hook.port, head(1, `x: ${'y'.repeat(20_000)}\r\n`))).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('has no other address', async () => {
    const missing = problem(404, 'webhook.not_found');
    for (const path of [
      '/',
      '/v1/sources/../hook/events',
      '/v1/sources/hook/../hook/events',
      '/v1/sources/%2e%2e/events',
      '/v1/sources/hook%2fevents',
      '/v1/sources//events',
      '/v1/sources/hook/events/',
      `/v1/sources/${planted}/events`,
      `/v1/sources/${'h'.repeat(5_000)}/events`,
      '/v1/sources/HOOK/events',
    ]) {
      expect(await refusal(hook.port, 'x', {}, path)).toEqual(missing);
    }
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      expect(await refusal(hook.port, 'x', {}, undefined, method)).toEqual(missing);
    }
  });

  it('is one among many: those who send slowly or nothing are let go, and others are served meanwhile', async () => {
    const started = Date.now();
    const slow = [
      // Headers that never end, a byte now and then.
      raw(hook.port, 'POST /v1/sources/hook/events HTTP/1.1\r\nx: ', drip),
      // A body that never ends.
      raw(hook.port, head(1_000), drip),
      // Nothing at all.
      raw(hook.port, ''),
    ];
    for (let i = 0; i < 20; i++) slow.push(raw(hook.port, head(1_000), drip));
    expect((await post(hook.port, failedLogin(10))).status).toBe(204);
    const ended = await Promise.all(slow);
    expect(Date.now() - started).toBeLessThan(60_000);
    expect(ended[0]).toMatch(/^HTTP\/1\.1 408 /);
    expect(ended[1]).toMatch(/^HTTP\/1\.1 408 /);
    expect(ended[0]).toContain('webhook.timeout');
  });

  it('is told to come back where 64 others are at work', async () => {
    const refused = () => hook.status().requests?.refused['webhook.busy'] ?? 0;
    const before = refused();
    const sockets: Socket[] = [];
    const pending = Array.from({ length: 70 }, () =>
      raw(hook.port, head(1_000), (socket) => sockets.push(socket)),
    );
    await until(() => refused() - before === 6);
    const busy = await post(hook.port, failedLogin(11));
    expect(busy).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(JSON.parse(busy.body).code).toBe('webhook.busy');
    for (const socket of sockets) socket.destroy();
    await Promise.all(pending);
    let after = 0;
    for (const end = Date.now() + 20_000; after !== 204 && Date.now() < end; ) {
      after = (await post(hook.port, failedLogin(11))).status;
    }
    expect(after).toBe(204);
  });
});

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write('z'), 300);
  socket.once('close', () => clearInterval(timer));
}

describe('what is told of it', () => {
  it('names nobody: not in answers, the log, the status, or positions', async () => {
    for (const body of [
      planted,
      `{"event":"${planted}"`,
      JSON.stringify({ event: planted, [planted]: planted }),
    ]) {
      for (const type of ['text/plain', 'application/json', 'application/x-ndjson']) {
        await post(hook.port, body, { 'content-type': type });
        await refusal(hook.port, body, { 'content-type': type, authorization: `Bearer ${planted}` });
      }
    }
    await until(() => hook.status().lagBytes === 0);
    const told = [
      ...answers,
      ...logged,
      JSON.stringify(hook.status()),
      JSON.stringify(hook.collector.notUnderstood('hook')),
    ].join('\n');
    expect(told).not.toContain('planted');
    expect(told).not.toContain(bearer);
    expect(hook.status().requests?.refused['webhook.unauthorized']).toBeGreaterThan(9);
  });
});
