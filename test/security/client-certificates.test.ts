import { createPrivateKey } from 'node:crypto';
import { globalAgent, request } from 'node:https';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exportPrivateJwk, generateKey, type SigningKey } from '#shared/signed-request';
import { fetchWithCertificate } from '../../services/cli/client-certificate.ts';
import { type Authority, makeAuthority, signerExtensions, x509 } from '../support/authority.ts';
import { startTestService, type TestService } from '../support/test-service.ts';
import { type Folder, makeFolder } from '../unit/cli/support.ts';

let t: TestService;
let folder: Folder;
let port: number;
let authority: Authority;
let server: Pair;

interface Pair {
  readonly cert: string;
  readonly key: string;
}

const pem = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;
/** Valid today: TLS goes by the machine's own clock. */
const validity = {
  notBefore: new Date(Date.now() - 86_400_000),
  notAfter: new Date(Date.now() + 86_400_000),
};

async function pair(by: Authority, name: string, more: readonly x509.Extension[] = []): Promise<Pair> {
  const key = await generateKey('ES256');
  const cert = pem(await by.certify(key, name, { validity, extensions: [...signerExtensions(), ...more] }));
  return { cert, key: await pemKey(key) };
}

async function pemKey(key: SigningKey): Promise<string> {
  const jwk = await exportPrivateJwk(key);
  return createPrivateKey({ key: { ...jwk }, format: 'jwk' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

beforeAll(async () => {
  folder = makeFolder();
  authority = await makeAuthority('Clients', { validity });
  const name = new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]);
  server = await pair(authority, 'localhost', [name]);
  const clientAnchors = Buffer.from(pem(authority.certificate));
  t = await startTestService({
    tls: { cert: Buffer.from(server.cert), key: Buffer.from(server.key), clientAnchors },
  });
  port = await t.service.start({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await t.stop();
  folder.remove();
});

/** Status of an answer, or the code of what became of the connection. */
const get = (path: string, client: Partial<Pair>): Promise<number | string> =>
  new Promise((resolve) => {
    const trusted = { ca: pem(authority.certificate), servername: 'localhost', agent: false };
    request(`https://127.0.0.1:${port}${path}`, { ...trusted, ...client }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
      .end();
  });

it('a client without a certificate gets no connection, not even for what is public', async () => {
  expect(await get('/health', {})).toMatch(/^ERR_SSL|ECONNRESET|EPIPE/);
});

it('nor does one with a certificate of another authority', async () => {
  const other = await pair(await makeAuthority('Clients', { validity }), 'client');
  expect(await get('/health', other)).toMatch(/^ERR_SSL|ECONNRESET|EPIPE/);
});

it('one with a certificate is answered, and signs all the same', async () => {
  const client = await pair(authority, 'client');
  expect(await get('/health', client)).toBe(200);
  expect(await get('/v1/orders', client)).toBe(401);
});

it('the command line shows the certificate that its environment names', async () => {
  const client = await pair(authority, 'client');
  const files = {
    GRIFFIE_TLS_CERT_FILE: folder.write('client.pem', client.cert),
    GRIFFIE_TLS_KEY_FILE: folder.write('client.key', client.key),
  };
  const plain = (): never => {
    throw new Error('not asked');
  };
  const fetch = fetchWithCertificate(files, plain);
  // As NODE_EXTRA_CA_CERTS does it for a process.
  globalAgent.options.ca = pem(authority.certificate);
  const answer = await fetch(`https://localhost:${port}/health`);
  expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }]);
  const posted = await fetch(`https://localhost:${port}/v1/nonces`, {
    method: 'POST',
    body: new Uint8Array(),
  });
  expect(posted.status).toBe(200);
  const { GRIFFIE_TLS_KEY_FILE: _, ...half } = files;
  await expect(fetchWithCertificate(half, plain)(`https://localhost:${port}/`)).rejects.toMatchObject({
    code: 'tls.client',
  });
  expect(fetchWithCertificate({}, plain)).toBe(plain);
});
