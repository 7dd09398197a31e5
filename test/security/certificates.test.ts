import { afterAll, beforeAll, expect, it } from 'vitest';
import { certificateDigest, certificatesHeader, chainDigest, writeChainHeader } from '#shared/certificates';
import { generateKey, type SigningKey } from '#shared/signed-request';
import { type Authority, makeAuthority } from '../support/authority.ts';
import { replayOf } from '../support/replayed.ts';
import { startTestService, type TestService } from '../support/test-service.ts';

const digest = /^[0-9a-f]{64}$/;
let t: TestService;
let authority: Authority;
beforeAll(async () => {
  authority = await makeAuthority('Officers');
  t = await startTestService({ anchors: [authority.certificate] });
});
afterAll(() => t.stop());

async function enrol(key: SigningKey, chain: readonly Uint8Array[], change: object = {}) {
  const name = `card-${key.kid
    .slice(0, 8)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, 'x')}`;
  const body = {
    ...(await t.enrolment(key, name, name, 'officer')),
    chainSha256: chainDigest(chain),
    ...change,
  };
  const headers = { [certificatesHeader]: writeChainHeader(chain) };
  const answer = await t.administrator.call('POST', '/v1/credentials', { body, headers });
  return { answer, name, person: t.person(key, name, 'officer') };
}

it('a key is enrolled with its certificate, of which the ledger holds digests alone', async () => {
  const key = await generateKey('ES256');
  const certificate = await authority.certify(key, 'Johanna de Vries');
  const { answer, name, person } = await enrol(key, [certificate]);
  expect(answer.status).toBe(201);
  const confirmation = { body: { personId: name, role: 'officer' } };
  await t.secondAdministrator.call('POST', `/v1/credentials/${key.kid}/confirmation`, confirmation);
  expect((await person.call('GET', '/v1/orders')).status).toBe(200);
  const entry = (await t.entries()).find(({ details }) => details.credentialId === name);
  expect(entry?.details.certificate).toEqual({
    chainSha256: chainDigest([certificate]),
    sha256: certificateDigest(certificate),
    anchorSha256: certificateDigest(authority.certificate),
    notAfter: '2098-01-01T00:00:00.000Z',
    links: [{ issuer: expect.stringMatching(digest), id: expect.stringMatching(digest) }],
  });
  expect(JSON.stringify(await t.entries())).not.toContain('Johanna');
});

it('a key with a certificate is not rotated away from it', async () => {
  const key = await generateKey('ES256');
  const { name, person } = await enrol(key, [await authority.certify(key, 'x')]);
  const confirmation = { body: { personId: name, role: 'officer' } };
  await t.secondAdministrator.call('POST', `/v1/credentials/${key.kid}/confirmation`, confirmation);
  const whole = await t.enrolment(await generateKey('ES256'), 'next', '', 'officer');
  const { credentialId, algorithm, publicKey, possession } = whole;
  const body = { credentialId, algorithm, publicKey, possession };
  const answer = await person.call('POST', '/v1/credentials/rotation', { body });
  expect(answer).toMatchObject({ status: 409, body: { code: 'credential.certificate' } });
});

it('a certificate of another key, another authority, or another than was signed for is refused', async () => {
  const key = await generateKey('ES256');
  const mine = await authority.certify(key, 'x');
  const others = await authority.certify(await generateKey('ES256'), 'x');
  const foreign = await (await makeAuthority('Officers')).certify(key, 'x');
  expect((await enrol(key, [others])).answer.body.code).toBe('certificate.key');
  expect((await enrol(key, [foreign])).answer.body.code).toBe('certificate.anchor');
  const swapped = await enrol(key, [mine], { chainSha256: chainDigest([others]) });
  expect(swapped.answer).toMatchObject({ status: 422, body: { code: 'certificate.malformed' } });
  expect((await enrol(key, [mine], { chainSha256: undefined })).answer.body.code).toBe(
    'certificate.malformed',
  );
});

it('a credential ends no later than its certificate', async () => {
  const key = await generateKey('ES256');
  const validity = {
    notBefore: new Date('2096-01-01T00:00:00Z'),
    notAfter: new Date('2097-01-01T00:00:00Z'),
  };
  const certificate = await authority.certify(key, 'x', { validity });
  expect((await enrol(key, [certificate])).answer.body.code).toBe('credential.validity');
  const { answer } = await enrol(key, [certificate], { notAfter: '2097-01-01T00:00:00.000Z' });
  expect(answer.status).toBe(201);
});

it('the ledger says the same when it is replayed', async () => {
  const report = await replayOf(t);
  expect(report.problems).toEqual([]);
  expect(report.gaps.body).toBeUndefined();
});
