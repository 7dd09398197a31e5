import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificateDigest, writeListFile } from '#shared/certificates';
import { exportPrivateJwk, generateKey } from '#shared/signed-request';
import { type Authority, makeAuthority } from '../../support/authority.ts';
import { audience } from '../../support/test-service.ts';
import { type ServiceUnderTest, startService } from './against-service.ts';

/* Revocation lists by the command line: what an administrator sees of them, and what an auditor checks. */

let authority: Authority;
let lists: string;
let s: ServiceUnderTest;
beforeAll(async () => {
  authority = await makeAuthority('Officers');
  lists = await mkdtemp(join(tmpdir(), 'griffie-lists-'));
  s = await startService({
    anchors: [authority.certificate],
    certificateLists: { path: lists, required: 'all', warnHours: 24 },
  });
});
afterAll(async () => {
  await s.stop();
  await rm(lists, { recursive: true });
});

/** Makes a key with a certificate, and has it enrolled by both administrators. */
async function enrolWithCertificate() {
  const [key, own, half] = [await generateKey('ES256'), 'card.json', s.folder.path('card.public.json')];
  const certificate = await authority.certify(key, 'Johanna de Vries');
  const as = s.folder.write(own, {
    ...{ credentialId: 'card', service: audience, algorithm: key.alg, thumbprint: key.kid },
    privateKey: await exportPrivateJwk(key),
  });
  const pem = s.folder.path('chain.pem');
  await writeFile(pem, writeListFile({ lists: [], certificates: [certificate] }));
  await s.griffie('key', 'public', '--as', as, '--out', half);
  const who = ['--key', half, '--person', 'j-devries', '--role', 'officer'];
  const enrol = ['credential', 'enrol', '--as', s.administrator, ...who, '--certificate', pem];
  const refused = await s.griffie(...enrol);
  await put(1, []);
  const enrolled = await s.griffie(...enrol);
  await s.griffie('credential', 'confirm', '--as', s.secondAdministrator, ...who);
  return { as, certificate, refused, enrolled };
}

async function put(number: number, revoked: readonly Uint8Array[]): Promise<void> {
  const list = await authority.list({ number, revoked: revoked.map((certificate) => ({ certificate })) });
  await writeFile(join(lists, 'officers.crl'), list);
  await s.service.service.watchLists();
}

it('an administrator sees which lists are in use, which are missing, and why one is not', async () => {
  const authorities = (...more: string[]) =>
    s.griffie('credential', 'authorities', '--as', s.administrator, ...more);
  const before = await authorities();
  expect(before.stdout).toContain(certificateDigest(authority.certificate));
  expect(before.stdout).toContain('No revocation list is in use.');

  const { as, certificate, refused, enrolled } = await enrolWithCertificate();
  expect(refused.stderr).toContain('certificate.revocation_unknown');
  expect(enrolled.exitCode).toBe(0);
  expect((await s.griffie('order', 'list', '--as', as)).exitCode).toBe(0);

  await put(2, [certificate]);
  expect((await s.griffie('order', 'list', '--as', as)).stderr).toContain('proof.key_revoked');
  expect((await authorities()).stdout).toMatch(/^[0-9a-f]{64} {2}2 {2}.* {2}current {2}1 {8}1 {11}0$/m);
  expect(JSON.parse((await authorities('--json')).stdout)).toMatchObject({
    anchors: [certificateDigest(authority.certificate)],
    required: 'all',
    lists: [{ number: '2', entries: 1, ended: 1, held: 0, current: true }],
    missing: [],
    refused: [],
  });
  expect((await s.griffie('credential', 'list', '--as', s.administrator)).stdout).toMatch(
    /^card .* revoked by its authority /m,
  );
  await put(1, []);
  expect((await authorities()).stdout).toContain('is not in use (revocation_list.older)');
});

describe('an auditor', () => {
  const verify = (...more: string[]) =>
    s.griffie('audit', 'verify', s.ledgerFolder, '--keys', s.pins, ...more);

  it('makes decisions again from the lists, and is told what hangs on them without', async () => {
    const folder = s.service.keptLists ?? '';
    const found = await verify('--revocation-lists', folder);
    expect([found.stderr, found.exitCode]).toEqual(['', 0]);
    expect(found.stdout).not.toContain('--revocation-lists');
    const without = await verify();
    expect(without.exitCode).toBe(0);
    expect(without.stdout).toContain('give --revocation-lists');
  });

  it('is told of a list that is gone, and of one that is another one now', async () => {
    const copy = await mkdtemp(join(tmpdir(), 'griffie-kept-'));
    try {
      const gone = await verify('--revocation-lists', copy);
      expect(gone.exitCode).toBe(4);
      const other = writeListFile({ lists: [await authority.list()], certificates: [authority.certificate] });
      for (const name of await readdir(s.service.keptLists ?? '')) await writeFile(join(copy, name), other);
      const altered = await verify('--revocation-lists', copy);
      expect(altered.exitCode).toBe(1);
      expect(altered.stderr).toContain('entry.revocation_list');
    } finally {
      await rm(copy, { recursive: true });
    }
  });
});
