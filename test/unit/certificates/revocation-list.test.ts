import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  authorityIds,
  certificateDigest,
  findOnList,
  judgeList,
  parseRevocationList,
  readListFile,
  readPemCertificates,
  writeListFile,
} from '#shared/certificates';
import { generateKey } from '#shared/signed-request';
import { type Authority, makeAuthority } from '../../support/authority.ts';

const at = '2096-11-20T09:00:00.000Z';

describe('a list that OpenSSL made', () => {
  const folder = mkdtempSync(join(tmpdir(), 'griffie-openssl-'));
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['RSA', ['-newkey', 'rsa:2048'], 'sha256'],
    ['P-384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], 'sha384'],
    ['Ed25519', ['-newkey', 'ed25519'], 'default'],
  ])('with a key of %s says the same to us as to it', async (_, key, digest) => {
    const config = [
      ...['[ca]', 'default_ca=own', '[own]', 'database=index.txt', 'crlnumber=number'],
      ...[`default_md=${digest}`, 'default_crl_days=7', 'crl_extensions=list'],
      ...[
        '[list]',
        'authorityKeyIdentifier=keyid',
        '[req]',
        'distinguished_name=name',
        '[name]',
        '[authority]',
      ],
      ...[
        'basicConstraints=critical,CA:TRUE',
        'keyUsage=critical,keyCertSign,cRLSign',
        'subjectKeyIdentifier=hash',
      ],
    ];
    writeFileSync(path('ca.conf'), config.join('\n'));
    writeFileSync(path('number'), '1f\n');
    const rows = [
      'R\t380101000000Z\t260101101112Z,keyCompromise\t00A1B2\tunknown\t/CN=a',
      'R\t380101000000Z\t251231235959Z\t05\tunknown\t/CN=b',
      'V\t380101000000Z\t\t06\tunknown\t/CN=c',
    ];
    writeFileSync(path('index.txt'), rows.map((row) => `${row}\n`).join(''));
    const names = ['-keyout', 'ca.key', '-out', 'ca.pem'];
    openssl(
      ...['req', '-x509', '-nodes', ...key, '-subj', '/O=Example/CN=Officers', '-days', '30'],
      ...['-config', 'ca.conf', '-extensions', 'authority', ...names],
    );
    openssl(
      ...['ca', '-gencrl', '-config', 'ca.conf', '-keyfile', 'ca.key', '-cert', 'ca.pem', '-out', 'list.pem'],
    );
    const file = readListFile(readFileSync(path('list.pem')));
    const [der = new Uint8Array()] = file?.lists ?? [];
    const anchors = readPemCertificates(readFileSync(path('ca.pem'), 'utf8')) ?? [];
    const judged = await judgeList(der, [], anchors, new Date().toISOString());
    if (!judged.ok) throw new Error(judged.code);
    const { list } = judged.judged;
    expect([list.number, list.bytes]).toEqual(['1f', der.length]);
    expect(Object.fromEntries(list.revoked)).toEqual({
      a1b2: { revokedAt: '2026-01-01T10:11:12.000Z', reason: 'key_compromise' },
      5: { revokedAt: '2025-12-31T23:59:59.000Z', reason: 'unspecified' },
    });
    const text = openssl('crl', '-in', 'list.pem', '-noout', '-lastupdate', '-nextupdate').toString();
    const dates = [...text.matchAll(/=(.*)/g)].map(([, date = '']) => new Date(date).toISOString());
    expect([list.thisUpdate, list.nextUpdate]).toEqual(dates);
  });
});

describe('a list', () => {
  let [root, middle]: Authority[] = [];
  let der: Uint8Array;
  let leaf: Uint8Array;
  beforeAll(async () => {
    root = await makeAuthority('Root');
    middle = await root.below('Middle');
    leaf = await middle.certify(await generateKey('ES256'), 'x');
    der = await middle.list({ revoked: [{ certificate: leaf }] });
  });
  const of = (authority: Authority | undefined): Uint8Array => authority?.certificate ?? new Uint8Array();
  const codeOf = async (...args: Parameters<typeof judgeList>) => {
    const result = await judgeList(...args);
    return result.ok ? 'ok' : result.code;
  };

  it('is its authority’s, by name and key, up to the anchor', async () => {
    const result = await judgeList(der, [of(middle)], [of(root)], at);
    if (!result.ok) throw new Error(result.code);
    const { judged } = result;
    expect(judged.certificates).toEqual([of(middle), of(root)].map(certificateDigest));
    expect(judged.authority).toBe((await authorityIds([of(middle)])).get(certificateDigest(of(middle))));
    expect((await findOnList(judged, new Set(['00'.repeat(32)]))).size).toBe(0);
  });

  it('is nobody’s without the certificate of its authority, or a way from there to an anchor', async () => {
    expect(await codeOf(der, [], [of(root)], at)).toBe('revocation_list.issuer');
    const other = await makeAuthority('Other');
    expect(await codeOf(der, [of(middle)], [other.certificate], at)).toBe('revocation_list.authority');
    expect(await codeOf(der, [of(middle)], [of(root)], '2098-06-01T00:00:00.000Z')).toBe(
      'revocation_list.authority',
    );
    expect(await codeOf(der, [Uint8Array.of(1)], [of(root)], at)).toBe('revocation_list.authority');
  });

  it('in which anything was changed is refused, whatever it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), async (place, change) => {
        const altered = Uint8Array.from(der);
        altered[place] = (altered[place] ?? 0) ^ change;
        expect(await codeOf(altered, [of(middle)], [of(root)], at)).not.toBe('ok');
      }),
      { numRuns: 150 },
    );
  });

  it('with another algorithm outside than inside, or one that is none, is refused', async () => {
    const oid = Buffer.from(der).lastIndexOf(Buffer.from('06082a8648ce3d0403', 'hex'));
    for (const [place, byte] of [
      [oid + 9, 0x03],
      [oid, 0x04],
      [oid + 2, 0x80],
    ] as const) {
      const altered = Uint8Array.from(der);
      altered[place] = byte;
      expect(await codeOf(altered, [of(middle)], [of(root)], at)).toBe('revocation_list.malformed');
    }
  });

  it('of any bytes is refused, and nothing worse', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(parseRevocationList(bytes).ok).toBe(false);
        expect(parseRevocationList(Buffer.concat([der.subarray(0, bytes.length), bytes])).ok).toBe(false);
      }),
    );
  });

  it('is read back from the file in which it is kept, and from no other', () => {
    const file = { lists: [der], certificates: [of(middle), of(root)] };
    const text = writeListFile(file);
    const read = readListFile(Buffer.from(text));
    expect(read?.lists.map((list) => Buffer.from(list).equals(der))).toEqual([true]);
    expect(read?.certificates.map(certificateDigest)).toEqual(file.certificates.map(certificateDigest));
    expect(readListFile(der)?.lists).toHaveLength(1);
    expect(readListFile(leaf)?.certificates).toHaveLength(1);
    for (const other of [
      '',
      'nothing',
      text.slice(0, -20),
      text.replace('M', '!'),
      text.replace('CRL', 'KEY'),
    ])
      expect(readListFile(Buffer.from(other))).toBeNull();
  });
});
