import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whether there is an OpenSSL that knows time stamps. */
export const hasOpenssl: boolean = spawnSync('openssl', ['ts', '-help']).status === 0;

export type KeyKind = 'rsa' | 'ec';

export interface CertificateOptions {
  readonly kind?: KeyKind;
  /** `extendedKeyUsage` as OpenSSL writes it. */
  readonly usage?: string;
  /** Days from now, both. */
  readonly from?: number;
  readonly to?: number;
}

/** OpenSSL's `ts` as a time-stamping authority, with a certificate authority of its own. */
export interface TimestampAuthority {
  readonly url: string;
  /** PEM of the root. */
  readonly caFile: string;
  /** What it answers with from now on: OpenSSL's answer to the request by default. */
  answer: (query: Buffer) => Promise<Buffer | number | 'never'>;
  /** OpenSSL's answer, with the present certificate. */
  reply(query: Buffer): Promise<Buffer>;
  /** A token over these statements, signed by its certificate whatever that is for: OpenSSL's `ts` looks, `cms` does not. */
  sign(info: Uint8Array): Promise<Buffer>;
  /** Gives it another certificate. */
  certify(options?: CertificateOptions): Promise<void>;
  /** Whether OpenSSL itself verifies the stamp of these bytes. */
  opensslVerifies(data: string, response: string): Promise<boolean>;
  stop(): Promise<void>;
}

const config = `
[tsa]
default_tsa = config
[config]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
`;

export async function startTimestampAuthority(): Promise<TimestampAuthority> {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-tsa-'));
  const at = (name: string): string => join(folder, name);
  const openssl = async (...args: readonly string[]) => run('openssl', [...args], { cwd: folder });
  await writeFile(at('tsa.cnf'), config);
  await writeFile(at('serial'), '01\n');
  await makeKey('root');
  await openssl(
    ...['req', '-x509', '-new', '-key', 'root.key', '-out', 'root.pem', '-days', '3650'],
    ...['-subj', '/CN=Test time-stamping root', '-addext', 'keyUsage=critical,keyCertSign'],
  );

  async function makeKey(name: string, kind: KeyKind = 'rsa'): Promise<void> {
    const algorithm =
      kind === 'rsa'
        ? ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048']
        : ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    await openssl('genpkey', '-algorithm', ...algorithm, '-out', `${name}.key`);
  }

  async function certify({
    kind = 'rsa',
    usage = 'critical,timeStamping',
    from = -1,
    to = 365,
  }: CertificateOptions = {}) {
    await makeKey('tsa', kind);
    await writeFile(at('tsa.ext'), `extendedKeyUsage=${usage}\nkeyUsage=critical,digitalSignature\n`);
    await openssl('req', '-new', '-key', 'tsa.key', '-out', 'tsa.csr', '-subj', '/CN=Test time stamps');
    const day = (days: number) =>
      new Date(Date.now() + days * 86_400_000).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
    // `x509 -req` knows no beginning before 3.4: `ca` does.
    await writeFile(at('index.txt'), '');
    await writeFile(
      at('ca.cnf'),
      `[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=ca.serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n`,
    );
    await openssl(
      ...['ca', '-batch', '-config', 'ca.cnf', '-in', 'tsa.csr', '-out', 'tsa.pem', '-cert', 'root.pem'],
      ...['-keyfile', 'root.key', '-rand_serial', '-extfile', 'tsa.ext', '-notext'],
      ...['-startdate', day(from), '-enddate', day(to)],
    );
  }

  async function reply(query: Buffer): Promise<Buffer> {
    await writeFile(at('query.tsq'), query);
    const signer = ['-signer', 'tsa.pem', '-inkey', 'tsa.key', '-chain', 'root.pem'];
    await openssl(
      'ts',
      '-reply',
      '-config',
      'tsa.cnf',
      '-queryfile',
      'query.tsq',
      '-out',
      'reply.tsr',
      ...signer,
    );
    return readFile(at('reply.tsr'));
  }
  await certify();

  const authority: Omit<TimestampAuthority, 'url' | 'stop'> = {
    caFile: at('root.pem'),
    answer: reply,
    reply,
    certify,
    sign: async (info) => {
      await writeFile(at('info.der'), info);
      await openssl(
        ...['cms', '-sign', '-binary', '-nodetach', '-cades', '-md', 'sha256', '-outform', 'DER'],
        ...['-econtent_type', '1.2.840.113549.1.9.16.1.4', '-in', 'info.der', '-out', 'signed.der'],
        ...['-signer', 'tsa.pem', '-inkey', 'tsa.key'],
      );
      return readFile(at('signed.der'));
    },
    opensslVerifies: async (data, response) => {
      const args = ['ts', '-verify', '-data', data, '-in', response, '-CAfile', 'root.pem'];
      return openssl(...args).then(
        () => true,
        () => false,
      );
    },
  };
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const answered = await authority.answer(Buffer.concat(chunks));
    if (answered === 'never') return;
    response.writeHead(typeof answered === 'number' ? answered : 200, {
      'content-type': 'application/timestamp-reply',
    });
    response.end(typeof answered === 'number' ? '' : answered);
  }
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(authority, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  });
}
