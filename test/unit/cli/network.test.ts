import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { makeFolder, run } from './support.ts';

const folder = makeFolder();
afterAll(() => folder.remove());
const id = '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Something that listens where a service should; and a credential for it. */
async function serve(listener: RequestListener): Promise<{ url: string; file: string }> {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  return { url, file: await credential(url) };
}

let credentials = 0;
async function credential(url: string): Promise<string> {
  const file = folder.path(`credential-${++credentials}.json`);
  await run(['key', 'new', '--credential', 'a', '--service', url, '--out', file]);
  return file;
}

const list = (file: string) => run(['order', 'list', '--as', file, '--json']);

describe('a service that is not there', () => {
  it('is exit code 3 and a sentence, with nothing of the key in it', async () => {
    const { file } = await serve(() => {});
    server?.close();
    const ran = await list(file);
    expect(ran.exitCode).toBe(3);
    expect(ran.error().code).toBe('service.unreachable');
    expect(ran.error().message).toContain('ECONNREFUSED');
    expect(ran.stderr).not.toContain(JSON.parse(readFileSync(file, 'utf8')).privateKey.d);
  });

  it.each([
    ['answers as another program', 200, '<html>', 'service.unexpected_answer'],
    ['answers an error as another program', 404, 'no such page', 'service.unexpected_answer'],
    ['answers JSON of another form', 200, '{"items":[{"orderId":1}]}', 'service.unexpected_answer'],
    ['is behind a proxy that finds nothing', 502, 'bad gateway', 'service.unexpected_answer'],
    [
      'cannot write its ledger',
      503,
      '{"title":"Ledger unavailable","detail":"Try again later.","code":"ledger.unavailable"}',
      'ledger.unavailable',
    ],
  ])('or %s is exit code 3', async (_, status, body, code) => {
    const { file } = await serve((_request, response) => response.writeHead(status).end(body));
    const ran = await list(file);
    expect({ exitCode: ran.exitCode, code: ran.error().code }).toEqual({ exitCode: 3, code });
  });

  it('gets no signed request sent on to elsewhere', async () => {
    const asked: (string | undefined)[] = [];
    const { file, url } = await serve((request, response) => {
      asked.push(request.url);
      response.writeHead(307, { location: `${url}/elsewhere` }).end();
    });
    expect((await list(file)).exitCode).toBe(3);
    expect(asked).toEqual(['/v1/orders']);
  });
});

describe('a signed request', () => {
  it('is signed anew each time, for the URL of the credential file', async () => {
    const proofs: string[] = [];
    const { file, url } = await serve((request, response) => {
      proofs.push(String(request.headers['griffie-proof']));
      response.end('{"items":[],"truncated":false}');
    });
    expect((await list(file)).exitCode).toBe(0);
    await list(file);
    const claims = proofs.map((proof) =>
      JSON.parse(Buffer.from(proof.split('.')[1] ?? '', 'base64url').toString()),
    );
    expect(claims[0]).toMatchObject({ iss: 'a', aud: url, htm: 'GET', htu: `${url}/v1/orders` });
    expect(claims[0].jti).not.toBe(claims[1].jti);
  });
});

describe('what a service says', () => {
  it('cannot steer the terminal', async () => {
    const problem = { title: 'Refused', detail: '\u001b[2J\u202eevil\r\nall is well', code: 'order.unknown' };
    const { file } = await serve((_request, response) =>
      response.writeHead(404).end(JSON.stringify(problem)),
    );
    const ran = await run(['order', 'list', '--as', file]);
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toMatch(/^griffie: Refused: [^\p{Cc}\p{Cf}]+\n$/u);
  });
});

describe('griffie disclosure fetch', () => {
  const fetchTo = (file: string, out: string) =>
    run(['disclosure', 'fetch', id, '--as', file, '--out', out, '--json']);
  const leftOver = (name: string) => readdirSync(folder.path('')).filter((found) => found.startsWith(name));

  it('streams a large package into its file', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 7);
    const { file } = await serve(async (_request, response) => {
      response.writeHead(200, { 'content-length': 40 * chunk.length });
      for (let i = 0; i < 40; i++) {
        if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve));
      }
      response.end();
    });
    const ran = await fetchTo(file, folder.path('large.tar'));
    expect(ran.json()).toMatchObject({ bytes: 40 * chunk.length });
    expect(readFileSync(folder.path('large.tar')).length).toBe(40 * chunk.length);
    expect(leftOver('large')).toEqual(['large.tar']);
  });

  it('leaves nothing of one that breaks off', async () => {
    const { file } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('half of it');
      setTimeout(() => response.destroy(), 20);
    });
    const ran = await fetchTo(file, folder.path('broken.tar'));
    expect({ exitCode: ran.exitCode, code: ran.error().code }).toEqual({
      exitCode: 3,
      code: 'service.unreachable',
    });
    expect(leftOver('broken')).toEqual([]);
  });

  it('does not overwrite, and does not even ask', async () => {
    let asked = 0;
    const { file } = await serve((_request, response) => {
      asked++;
      response.end();
    });
    const taken = folder.write('taken.tar', 'mine');
    const ran = await fetchTo(file, taken);
    expect({ exitCode: ran.exitCode, code: ran.error().code, asked }).toEqual({
      exitCode: 2,
      code: 'file.exists',
      asked: 0,
    });
    expect(readFileSync(taken, 'utf8')).toBe('mine');
  });
});
