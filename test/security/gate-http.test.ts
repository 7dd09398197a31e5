import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audience, type Person, startTestService, type TestService } from '../support/test-service.ts';

interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  readonly all: string;
}

/** Writes bytes to the real port and reads until the other side is silent or closes. */
function raw(port: number, ...chunks: readonly (string | Buffer)[]): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const parts: Buffer[] = [];
    let idle: NodeJS.Timeout | undefined;
    const done = (): void => {
      clearTimeout(idle);
      socket.destroy();
      const all = Buffer.concat(parts).toString('latin1');
      const [head = '', ...rest] = all.split('\r\n\r\n');
      const [line = '', ...fields] = head.split('\r\n');
      const headers = new Map(
        fields.map((field): [string, string] => {
          const colon = field.indexOf(':');
          return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
        }),
      );
      resolve({ status: Number(line.split(' ')[1] ?? 0), headers, body: rest.join('\r\n\r\n'), all });
    };
    socket.on('data', (chunk) => {
      parts.push(chunk);
      clearTimeout(idle);
      idle = setTimeout(done, 150);
    });
    socket.on('close', done);
    socket.on('error', (error) => {
      if (parts.length === 0) reject(error);
    });
    for (const chunk of chunks) socket.write(chunk);
  });
}

describe('what comes through the real port is refused or answered as the signed request says', () => {
  let t: TestService;
  let port: number;
  let officer: Person;
  let approved: string;

  beforeAll(async () => {
    t = await startTestService();
    port = await t.service.start({ host: '127.0.0.1', port: 0 });
    officer = await t.enrol('officer');
    approved = await t.approvedOrder();
  });
  afterAll(() => t.stop());

  const head = (line: string, ...fields: string[]): string =>
    `${[line, 'Host: griffie.example.nl', ...fields].join('\r\n')}\r\n\r\n`;
  const proofFor = async (method: string, path: string, body?: Buffer): Promise<string> =>
    `Griffie-Proof: ${await officer.sign(method, path, body)}`;
  const code = ({ body }: RawAnswer): string => {
    const json = body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1);
    return JSON.parse(json).code;
  };
  const disclosures = async (): Promise<number> =>
    (await t.entries()).filter(({ kind }) => kind === 'disclosure.requested').length;

  it('a good request passes, so that the refusals below mean something', async () => {
    const answer = await raw(port, head('GET /v1/orders HTTP/1.1', await proofFor('GET', '/v1/orders')));
    expect(answer.status).toBe(200);
  });

  it('the same proof header twice, in one spelling or two', async () => {
    const proof = await proofFor('GET', '/v1/orders');
    const other = await proofFor('GET', '/v1/orders');
    for (const [first, second] of [
      [proof, proof],
      [proof, other],
      [proof, other.toLowerCase().replace('griffie-proof', 'GRIFFIE-PROOF')],
      [proof, 'Griffie-Proof: '],
    ] as const) {
      const answer = await raw(port, head('GET /v1/orders HTTP/1.1', first, second));
      expect(answer.status).toBe(401);
      expect(['proof.malformed', 'proof.too_long']).toContain(code(answer));
    }
  });

  it('a proof folded over two lines, or with a line break smuggled in', async () => {
    const proof = await proofFor('GET', '/v1/orders');
    const cut = proof.length / 2;
    for (const joint of ['\r\n ', '\r\n\t', '\n ', '\0']) {
      const folded = `${proof.slice(0, cut)}${joint}${proof.slice(cut)}`;
      const answer = await raw(port, head('GET /v1/orders HTTP/1.1', folded));
      expect([400, 401]).toContain(answer.status);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
    }
  });

  it.each([
    'http://griffie.example.nl/v1/orders',
    `${audience}/v1/orders`,
    '//v1/orders',
    '/v1//orders',
    '/v1/orders/',
    '/v1/./orders',
    '/x/../v1/orders',
    '/v1%2forders',
    '/v1%2Forders',
    '/V1/orders',
    '/v1/orders?',
    '/v1/orders?a=b',
    '/v1/orders#',
    '/v1/orders;x',
    '*',
    'v1/orders',
    '/v1/orders/../orders',
  ])('a proof for /v1/orders does not open %s', async (target) => {
    const before = (await t.entries()).filter(({ kind }) => kind === 'access.granted').length;
    const answer = await raw(port, head(`GET ${target} HTTP/1.1`, await proofFor('GET', '/v1/orders')));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect((await t.entries()).filter(({ kind }) => kind === 'access.granted')).toHaveLength(before);
  });

  it.each([
    '/ledger/tile/entries/000',
    '/ledger/tile/%65ntries/000',
    '/ledger/tile/entries%2f000',
    '/ledger/tile/ENTRIES/000',
    '/ledger/tile/x/../entries/000',
    '/ledger/tile//entries/000',
    '/ledger/tile/0/../entries/000.p/5',
    '/ledger/tile/entries/000.p/5',
    '/ledger/committed',
    '/ledger/tile/../committed',
    '/ledger/../../etc/passwd',
    '/ledger/tile/%2e%2e/%2e%2e/etc/passwd',
  ])('entries and other files of the ledger are not public: %s', async (target) => {
    const answer = await raw(port, head(`GET ${target} HTTP/1.1`));
    expect([400, 401, 404]).toContain(answer.status);
    expect(answer.all).not.toContain('ledger.started');
    expect(answer.all).not.toContain('root:');
  });

  it.each(['HEAD', 'OPTIONS', 'TRACE', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'QUERY', 'FROBNICATE', 'get'])(
    'the method %s',
    async (method) => {
      const fields = ['HEAD', 'PUT', 'PATCH', 'DELETE'].includes(method)
        ? [await proofFor(method, '/v1/orders')]
        : [];
      const answer = await raw(port, head(`${method} /v1/orders HTTP/1.1`, ...fields));
      expect([400, 404]).toContain(answer.status);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      // TRACE must not give headers back.
      expect(answer.body).not.toContain('griffie.example.nl');
    },
  );

  it('CONNECT and an upgrade open nothing', async () => {
    const tunnel = await raw(port, 'CONNECT example.nl:443 HTTP/1.1\r\nHost: example.nl\r\n\r\n');
    expect(tunnel.status).not.toBe(200);
    const upgraded = await raw(
      port,
      head('GET /health HTTP/1.1', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x'),
    );
    expect(upgraded.status).not.toBe(101);
  });

  const post = (body: Buffer | string, ...fields: string[]): [string, Buffer | string] => [
    head('POST /v1/disclosures HTTP/1.1', ...fields),
    body,
  ];

  it('a chunked body counts as the bytes that it comes to', async () => {
    const body = Buffer.from(JSON.stringify({ orderId: approved }));
    const chunks = [body.subarray(0, 5), body.subarray(5)]
      .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`)
      .join('');
    const fields = ['Content-Type: application/json', 'Transfer-Encoding: chunked'];
    const good = await proofFor('POST', '/v1/disclosures', body);
    expect((await raw(port, ...post(`${chunks}0\r\n\r\n`, good, ...fields))).status).toBe(202);
    const bad = await proofFor('POST', '/v1/disclosures', body);
    const longer = await raw(port, ...post(`${chunks}1\r\n \r\n0\r\n\r\n`, bad, ...fields));
    expect([longer.status, code(longer)]).toEqual([401, 'proof.body']);
  });

  it.each([
    ['Content-Length and Transfer-Encoding', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['two Content-Length', ['Content-Length: 5', 'Content-Length: 80']],
    ['a Content-Length with a sign', ['Content-Length: +80']],
    ['a Content-Length that is none', ['Content-Length: 0x50']],
    ['an unknown transfer coding', ['Transfer-Encoding: xchunked']],
    ['chunked twice', ['Transfer-Encoding: chunked, chunked']],
  ])('a body of unclear length: %s', async (_name, lengths) => {
    const before = await disclosures();
    const body = Buffer.from(JSON.stringify({ orderId: approved }));
    const proof = await proofFor('POST', '/v1/disclosures', body);
    const answer = await raw(port, ...post(body, proof, 'Content-Type: application/json', ...lengths));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(await disclosures()).toBe(before);
  });

  it('a body shorter or longer than its Content-Length is not the one that was signed', async () => {
    const before = await disclosures();
    const body = Buffer.from(JSON.stringify({ orderId: approved }));
    for (const length of [body.length - 1, 0]) {
      const proof = await proofFor('POST', '/v1/disclosures', body);
      const fields = ['Content-Type: application/json', `Content-Length: ${length}`];
      const answer = await raw(port, ...post(body, proof, ...fields));
      expect([400, 401]).toContain(answer.status);
    }
    expect(await disclosures()).toBe(before);
  });

  it('a compressed body is bytes that are no JSON', async () => {
    const body = gzipSync(JSON.stringify({ orderId: approved }));
    const proof = await proofFor('POST', '/v1/disclosures', body);
    const fields = [
      'Content-Type: application/json',
      'Content-Encoding: gzip',
      `Content-Length: ${body.length}`,
    ];
    const answer = await raw(port, ...post(body, proof, ...fields));
    expect([answer.status, code(answer)]).toEqual([400, 'request.malformed_json']);
  });

  it.each([
    'application/json; charset=utf-16',
    'text/plain',
    'application/jsonx',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded',
    '',
    'application/json, text/plain',
  ])('a body as "%s" is not read as anything else', async (type) => {
    const before = await disclosures();
    const body = Buffer.from('orderId=1');
    const proof = await proofFor('POST', '/v1/disclosures', body);
    const fields = [`Content-Type: ${type}`, `Content-Length: ${body.length}`];
    const answer = await raw(port, ...post(body, proof, ...fields));
    expect([400, 415, 422]).toContain(answer.status);
    expect(await disclosures()).toBe(before);
  });

  it('a body on GET is no part of the request', async () => {
    const body = '{"role":"administrator"}';
    const proof = await proofFor('GET', '/v1/orders');
    const fields = ['Content-Type: application/json', `Content-Length: ${body.length}`];
    const answer = await raw(port, head('GET /v1/orders HTTP/1.1', proof, ...fields), body);
    expect([200, 400, 401]).toContain(answer.status);
    expect(answer.all.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  it('a second request hidden in the body of the first is not answered', async () => {
    const hidden = head('GET /v1/orders HTTP/1.1', await proofFor('GET', '/v1/orders'));
    const fields = ['Content-Type: application/json', `Content-Length: ${hidden.length}`];
    const answer = await raw(port, head('GET /health HTTP/1.1', ...fields), hidden);
    expect(answer.all.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(answer.all).not.toContain('"items"');
  });

  it('an approval takes no body, and an empty one with a media type is none', async () => {
    const reviewer = await t.enrol('reviewer');
    const orderId = await t.record(await t.enrol('registrar'));
    const path = `/v1/orders/${orderId}/approval`;
    const answer = await reviewer.call('POST', path, { body: { decision: 'reject' } });
    expect(answer).toMatchObject({ status: 422, body: { code: 'request.invalid' } });
    const proof = `Griffie-Proof: ${await reviewer.sign('POST', path)}`;
    const fields = ['Content-Type: application/json', 'Content-Length: 0'];
    const empty = await raw(port, head(`POST ${path} HTTP/1.1`, proof, ...fields));
    expect([200, 400]).toContain(empty.status);
  });

  it('HTTP/1.0 is answered once, and HTTP/1.1 without Host is refused', async () => {
    const old = await raw(port, 'GET /health HTTP/1.0\r\n\r\n');
    expect(old.status).toBe(200);
    const nameless = await raw(port, 'GET /health HTTP/1.1\r\n\r\n');
    expect(nameless.status).toBe(400);
  });

  it('an expectation that nobody can meet', async () => {
    const answer = await raw(
      port,
      head('POST /v1/disclosures HTTP/1.1', 'Expect: magic', 'Content-Length: 5'),
    );
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  it.each([
    [
      'a header block too large',
      () => head('GET /health HTTP/1.1', `X: ${'x'.repeat(20_000)}`),
      431,
      'request.headers_too_large',
    ],
    ['a URL too large', () => head(`GET /${'x'.repeat(20_000)} HTTP/1.1`), 431, 'request.headers_too_large'],
    [
      'no HTTP at all',
      () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
      400,
      'request.unreadable',
    ],
    ['a bad percent sign', () => head('GET /v1/orders/%zz HTTP/1.1'), 400, 'request.unreadable'],
    ['a header without a name', () => head('GET /health HTTP/1.1', ': x'), 400, 'request.unreadable'],
  ])('%s is answered with a problem document', async (_name, request, status, expected) => {
    const answer = await raw(port, request());
    expect([answer.status, code(answer)]).toEqual([status, expected]);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('nobody without a key makes the service hold a body', async () => {
    const fields = ['Content-Type: application/json', `Content-Length: ${8 * 1024 * 1024}`];
    for (const proof of ['X: y', 'Griffie-Proof: a.b.c', `Griffie-Proof: ${await forged()}`]) {
      // Refused while not one byte of the body has been sent.
      const answer = await raw(port, head('POST /v1/orders HTTP/1.1', proof, ...fields));
      expect(answer.status).toBe(401);
    }
  });

  async function forged(): Promise<string> {
    const proof = await officer.sign('POST', '/v1/orders');
    const other = await officer.sign('GET', '/v1/orders');
    return `${proof.slice(0, proof.lastIndexOf('.'))}${other.slice(other.lastIndexOf('.'))}`;
  }

  it('a body too large or of another type is refused in its sender’s name', async () => {
    const before = t.ledger.checkpoint().size;
    for (const [type, length, expected] of [
      ['application/json', 70_000, 'request.too_large'],
      ['text/plain', 10, 'request.media_type'],
    ] as const) {
      const proof = await proofFor('POST', '/v1/disclosures', Buffer.alloc(length, 0x20));
      const fields = [`Content-Type: ${type}`, `Content-Length: ${length}`];
      const answer = await raw(port, ...post(Buffer.alloc(length, 0x20), proof, ...fields));
      expect(code(answer)).toBe(expected);
    }
    const recorded = (await t.entries()).slice(before);
    expect(recorded.map(({ kind, details }) => [kind, details.code])).toEqual([
      ['access.refused', 'request.too_large'],
      ['access.refused', 'request.media_type'],
    ]);
    // The body was not seen, so that the proof is no evidence of it.
    expect(recorded.every(({ evidence }) => evidence === undefined)).toBe(true);
  });

  it('every answer says that it is not to be kept, sniffed or framed, and not what software made it', async () => {
    for (const target of ['/health', '/v1/service', '/nothing', '/v1/orders']) {
      const { headers } = await raw(port, head(`GET ${target} HTTP/1.1`));
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.has('server')).toBe(false);
      expect(headers.has('x-powered-by')).toBe(false);
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });

  it('a request has thirty seconds from its first byte to its last, however slowly it drips', () => {
    const { requestTimeout, headersTimeout, timeout } = t.service.app.server;
    expect([requestTimeout, timeout]).toEqual([30_000, 30_000]);
    expect(headersTimeout).toBeLessThanOrEqual(60_000);
  });

  it('many bad requests leave no trace but counts', async () => {
    const before = t.ledger.checkpoint().size;
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        Array.from({ length: 25 }, (_, i) =>
          t.anonymous('GET', `/v1/${round}-${i}`, { proof: `a.${round}.${i}` }),
        ),
      );
    }
    expect(t.ledger.checkpoint().size).toBe(before);
    expect((await raw(port, head('GET /health HTTP/1.1'))).status).toBe(200);
  });
});
