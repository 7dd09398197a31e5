import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Issued {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly certFile: string;
  readonly cert: string;
  /** A certificate for 127.0.0.1, for servers and clients. */
  issue(name: string): Promise<Issued>;
}

/** An authority of a test's own, in files of the folder, by the openssl of this machine. */
export async function createAuthority(folder: string, name: string): Promise<Authority> {
  const at = (file: string): string => join(folder, `${name}-${file}`);
  const openssl = (...args: readonly string[]): void =>
    void execFileSync('openssl', args, { stdio: 'ignore', timeout: 60_000 });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const [certFile, keyFile] = [at('ca.pem'), at('ca.key')];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-subj',
    `/CN=${name}`,
    '-days',
    '2',
    '-keyout',
    keyFile,
    '-out',
    certFile,
  );
  const extensions = at('extensions.cnf');
  await writeFile(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  return {
    certFile,
    cert: await readFile(certFile, 'utf8'),
    async issue(subject) {
      const [request, key, cert] = [at(`${subject}.csr`), at(`${subject}.key`), at(`${subject}.pem`)];
      openssl('req', ...newKey, '-subj', `/CN=${subject}`, '-keyout', key, '-out', request);
      openssl(
        ...['x509', '-req', '-in', request, '-CA', certFile, '-CAkey', keyFile, '-CAcreateserial'],
        ...['-days', '2', '-extfile', extensions, '-out', cert],
      );
      return {
        certFile: cert,
        keyFile: key,
        cert: await readFile(cert, 'utf8'),
        key: await readFile(key, 'utf8'),
      };
    },
  };
}
