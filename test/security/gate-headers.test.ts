import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Logger } from '#shared/runtime';
import { signCall } from '../support/signed-call.ts';
import { type Person, startTestService, type TestService } from '../support/test-service.ts';

/* Headers by which a proxy, a framework or a client says what a request is: none of them is believed. */

const planted = 'planted.person@example.nl';

let t: TestService;
let port: number;
let officer: Person;
const logged: string[] = [];
const write = (members: unknown, message: string) => void logged.push(JSON.stringify({ members, message }));
const logger: Logger = { info: write, warn: write, error: write };
beforeAll(async () => {
  t = await startTestService({ logger });
  port = await t.service.start({ host: '127.0.0.1', port: 0 });
  officer = await t.enrol('officer');
});
afterAll(() => t.stop());

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

function get(path: string, headers: Readonly<Record<string, string>>): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, headers, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (more: string) => {
        text += more;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
    });
    sent.on('error', reject).end();
  });
}

const code = ({ text }: Got): string => JSON.parse(text).code;

describe('which request it is', () => {
  it.each<[string, Record<string, string>]>([
    [
      'the method',
      { 'x-http-method-override': 'POST', 'x-method-override': 'POST', 'x-http-method': 'POST' },
    ],
    ['the path', { 'x-original-url': '/v1/credentials', 'x-rewrite-url': '/v1/credentials' }],
    ['the prefix', { 'x-forwarded-prefix': '/v1/credentials', 'x-forwarded-path': '/v1/credentials' }],
    ['the host', { host: 'mallory.example', 'x-forwarded-host': 'mallory.example' }],
    [
      'the scheme',
      { 'x-forwarded-proto': 'http', forwarded: 'for=192.0.2.1;proto=http;host=mallory.example' },
    ],
  ])('is not said by headers: %s', async (_name, headers) => {
    const proof = await officer.sign('GET', '/v1/orders');
    const answer = await get('/v1/orders', { ...headers, 'griffie-proof': proof });
    expect(answer.status).toBe(200);
    expect(Object.keys(JSON.parse(answer.text))).toEqual(['items', 'truncated']);
    expect((await t.entries()).at(-1)).toMatchObject({
      kind: 'access.granted',
      details: { route: 'GET /v1/orders' },
    });
  });

  it('a request that was signed for the host that the header names is for another service', async () => {
    const host = 'mallory.example';
    const call = { method: 'GET', path: '/v1/orders' };
    const proof = await signCall(officer, `https://${host}`, call, t.clock.now());
    const answer = await get('/v1/orders', { host, 'x-forwarded-host': host, 'griffie-proof': proof });
    expect([answer.status, code(answer)]).toEqual([401, 'proof.audience']);
  });
});

describe('what a header says', () => {
  it.each([
    ['user-agent', `mallory${planted}`],
    ['referer', `https://example.org/?${planted}`],
    ['cookie', `session=${planted}`],
    ['authorization', `Bearer ${planted}`],
    ['accept', planted],
    ['origin', `https://${planted}`],
    ['griffie-certificates', planted],
    ['x-request-id', `${planted}","level":"error","message":"forged`],
    ['traceparent', planted],
  ])('%s comes back in no answer, no entry and no line of the log', async (name, value) => {
    const before = t.ledger.checkpoint().size;
    const proof = await officer.sign('GET', '/v1/orders');
    for (const [path, headers] of [
      ['/v1/orders', { 'griffie-proof': proof }],
      ['/v1/orders', {}],
      ['/nothing', {}],
      ['/health', {}],
    ] as const) {
      const answer = await get(path, { ...headers, [name]: value });
      expect(JSON.stringify([answer.headers, answer.text])).not.toContain(planted);
    }
    const after = [];
    for await (const { bytes } of t.ledger.entries(before)) after.push(Buffer.from(bytes).toString());
    expect(after.length).toBeGreaterThan(0);
    expect(after.join()).not.toContain(planted);
    expect(logged.join()).not.toContain(planted);
  });

  it('no page of another origin is let in', async () => {
    const proof = await officer.sign('GET', '/v1/orders');
    const answer = await get('/v1/orders', { origin: 'https://mallory.example', 'griffie-proof': proof });
    const names = Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'));
    expect([answer.status, names]).toEqual([200, []]);
  });
});

// Last, because it leaves nothing of what 127.0.0.1 may ask.
describe('who asks', () => {
  it('is not said by headers: another address in each of them is not another one', async () => {
    const from = (n: number) => `198.51.${n >> 8}.${n & 255}`;
    const answers = [];
    for (let n = 0; n < 1_200; n++) {
      const address = from(n);
      const headers = {
        'x-forwarded-for': address,
        'x-real-ip': address,
        'true-client-ip': address,
        forwarded: `for=${address}`,
      };
      answers.push(await t.service.app.inject({ method: 'GET', url: '/v1/orders', headers }));
    }
    // What one address may ask without a signature, and not one more but for the time that this took.
    const codes = answers.map(({ statusCode }) => statusCode);
    expect(codes.slice(0, 900).every((status) => status === 401)).toBe(true);
    expect(codes).toContain(429);
  });
});
