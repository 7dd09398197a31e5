import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A key with its certificate, as files. */
export interface Signer {
  readonly cert: string;
  readonly key: string;
}

/** Makes keys, certificates and signatures with the machine's OpenSSL. */
export interface DocumentSigning {
  readonly authority: Signer;
  /** @param options lines of the certificate's extensions, and who signs it */
  signer(name: string, options?: { by?: Signer; extensions?: string; days?: number; rsa?: boolean }): Signer;
  /** CMS in DER. `detached`: about bytes that it does not hold. */
  cms(
    content: Uint8Array,
    signer: Signer,
    options?: { detached?: boolean; args?: readonly string[] },
  ): Buffer;
  /** The PDF with one more revision that is signed over everything before it. */
  signPdf(pdf: Uint8Array, signer: Signer, options?: { filter?: string; withContent?: boolean }): Buffer;
  /** DER of a certificate, as an anchor. */
  der(signer: Signer): Uint8Array;
  remove(): void;
}

/** A PDF of one empty page that nobody signed. */
export function plainPdf(): Buffer {
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>',
  ];
  let text = '%PDF-1.7\n';
  const offsets = objects.map((object, i) => {
    const offset = text.length;
    text += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const start = text.length;
  const rows = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  text += `xref\n0 4\n0000000000 65535 f \n${rows}trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`;
  return Buffer.from(text, 'latin1');
}

const hexLength = 16_384;
const place = '/ByteRange [0 0000000000 0000000000 0000000000]';

export function makeDocumentSigning(): DocumentSigning {
  const folder = mkdtempSync(join(tmpdir(), 'griffie-signing-'));
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'pipe' });
  let made = 0;

  function keyPair(name: string, rsa: boolean): string {
    const key = path(`${name}.key`);
    const kind = rsa
      ? ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048']
      : ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    openssl('genpkey', '-algorithm', ...kind, '-out', key);
    return key;
  }

  function root(name: string): Signer {
    const [key, cert] = [keyPair(name, false), path(`${name}.pem`)];
    const extensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
    openssl(
      ...['req', '-x509', '-new', '-key', key, '-out', cert, '-days', '36500', '-subj', `/CN=${name}`],
      ...extensions.flatMap((extension) => ['-addext', extension]),
    );
    return { key, cert };
  }

  const authority = root('authority');
  const signing: DocumentSigning = {
    authority,
    signer: (name, options = {}) => {
      const {
        by = authority,
        extensions = 'keyUsage=critical,digitalSignature,nonRepudiation',
        days = 365,
      } = options;
      const [key, cert] = [keyPair(name, options.rsa ?? false), path(`${name}.pem`)];
      const [request, file] = [path(`${name}.csr`), path(`${name}.ext`)];
      writeFileSync(file, `basicConstraints=CA:FALSE\n${extensions}\n`);
      openssl('req', '-new', '-key', key, '-out', request, '-subj', `/CN=${name}`);
      openssl(
        ...['x509', '-req', '-in', request, '-CA', by.cert, '-CAkey', by.key, '-CAcreateserial'],
        ...['-days', String(days), '-extfile', file, '-out', cert],
      );
      return { key, cert };
    },
    cms: (content, signer, { detached = false, args = [] } = {}) => {
      const [input, output] = [path(`in-${++made}`), path(`out-${made}`)];
      writeFileSync(input, content);
      openssl(
        ...['cms', '-sign', '-binary', '-in', input, '-out', output, '-outform', 'DER', '-md', 'sha256'],
        ...['-signer', signer.cert, '-inkey', signer.key, ...(detached ? [] : ['-nodetach']), ...args],
      );
      return readFileSync(output);
    },
    signPdf: (pdf, signer, { filter = 'ETSI.CAdES.detached', withContent = false } = {}) => {
      const begin = `\n9 0 obj\n<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /${filter} ${place} /Contents `;
      const gap = `<${'0'.repeat(hexLength)}>`;
      const rest = ` >>\nendobj\nxref\n9 1\n${String(pdf.length + 1).padStart(10, '0')} 00000 n \ntrailer\n<< /Size 10 /Root 1 0 R >>\nstartxref\n0\n%%EOF\n`;
      const [first, second] = [pdf.length + begin.length, pdf.length + begin.length + gap.length];
      const numbers = [first, second, rest.length].map((n) => String(n).padStart(10, '0')).join(' ');
      const head = Buffer.concat([
        pdf,
        Buffer.from(begin.replace(place, `/ByteRange [0 ${numbers}]`), 'latin1'),
      ]);
      const content = Buffer.concat([head, Buffer.from(rest, 'latin1')]);
      const cms = signing.cms(content, signer, { detached: !withContent });
      const hex = cms.toString('hex').padEnd(hexLength, '0');
      if (hex.length > hexLength) throw new Error('the signature is longer than its place');
      return Buffer.concat([head, Buffer.from(`<${hex}>${rest}`, 'latin1')]);
    },
    der: ({ cert }) => {
      const pem = readFileSync(cert, 'latin1').replace(/-----[^-]+-----|\s/g, '');
      return new Uint8Array(Buffer.from(pem, 'base64'));
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
  return signing;
}
