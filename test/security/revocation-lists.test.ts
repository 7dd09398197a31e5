import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listLimits } from '#shared/certificates';
import type { LedgerEntry } from '#shared/ledger';
import { generateKey } from '#shared/signed-request';
import {
  type Authority,
  type ListOptions,
  makeAuthority,
  numberExtension,
  x509,
} from '../support/authority.ts';
import { ListService } from '../support/list-service.ts';
import { entriesOf, replayOf } from '../support/replayed.ts';

/* Certificates that their authority took back. The service opens no connection for that: lists come as files. */

let s: ListService;
let weak: Authority;
beforeAll(async () => {
  weak = await makeAuthority('Weak', {
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  s = await ListService.start([weak]);
});
afterAll(() => s.stop());
beforeEach(() => s.clear());

const { keyCompromise, cACompromise, certificateHold, removeFromCRL } = x509.X509CrlReason;

describe('a certificate that its authority revoked', () => {
  it('ends its credential with the entry of the list, for good; the ledger says why and names nobody', async () => {
    const authority = await s.authority();
    const [holder, other] = [await s.officer(authority), await s.officer(authority)];
    expect(await s.put(await authority.list(), authority)).toEqual([]);
    expect(await holder.ask()).toBe('ok');
    const revoked = [{ certificate: holder.certificate, reason: keyCompromise }];
    await s.put(await authority.list({ number: 2, revoked }), authority);
    expect([await holder.ask(), await other.ask()]).toEqual(['proof.key_revoked', 'ok']);
    const details = (await s.taken()).at(-1);
    const { kid } = holder.person.key;
    expect(details).toMatchObject({
      number: '2',
      entries: 1,
      revoked: [{ thumbprint: kid, revokedAt: '2096-11-20T08:00:00.000Z', reason: 'key_compromise' }],
    });
    const { serialNumber } = new x509.X509Certificate(Uint8Array.from(holder.certificate));
    expect(JSON.stringify(await s.t.entries())).not.toContain(`"${serialNumber}"`);
    // Not by a list that leaves it out, either.
    await s.put(await authority.list({ number: 3 }), authority);
    expect(await holder.ask()).toBe('proof.key_revoked');
    const listed = await s.t.administrator.call('GET', '/v1/credentials');
    expect(listed.body.items.find(({ thumbprint }) => thumbprint === kid)).toMatchObject({
      revokedBy: details?.sha256,
    });
  });

  it('is not enrolled', async () => {
    const authority = await s.authority();
    const key = await generateKey('ES256');
    const certificate = await authority.certify(key, 'x');
    await s.put(await authority.list({ revoked: [{ certificate }] }), authority);
    const { code } = await s.enrol(key, [certificate, authority.certificate]);
    expect(code).toBe('certificate.revoked');
  });

  it('is that of an authority between: all below it end, and nobody is enrolled under it', async () => {
    const middle = await s.authority();
    const [authority, sibling] = [await s.authority(middle), await s.authority(middle)];
    const above = (of: Authority) => [of.certificate, middle.certificate];
    const below = await s.officer(authority, above(authority));
    const beside = await s.officer(sibling, above(sibling));
    const revoked = [{ certificate: authority.certificate, reason: cACompromise }];
    await s.put(await middle.list({ revoked }), middle);
    expect([await below.ask(), await beside.ask()]).toEqual(['proof.key_revoked', 'ok']);
    expect(await s.tryEnrol(authority, above(authority))).toBe('certificate.revoked');
  });

  it('is refused in the same second, from the entry on, whatever date the list names', async () => {
    const authority = await s.authority();
    const holder = await s.officer(authority);
    const tomorrow = new Date(s.t.clock.now() + 86_400_000);
    const list = await authority.list({ revoked: [{ certificate: holder.certificate, at: tomorrow }] });
    await s.write('list.pem', list, authority);
    const before = await holder.ask();
    const asked = Array.from({ length: 20 }, () => holder.ask());
    const codes = (await Promise.all([s.look(), ...asked])).slice(1);
    expect([before, await holder.ask()]).toEqual(['ok', 'proof.key_revoked']);
    // In the order of the ledger: granted before the entry of the list, refused after it.
    const entries = await entriesOf(s.t);
    const index = entries.findLastIndex(({ kind }) => kind === 'revocation_list.taken');
    const granted = (part: readonly LedgerEntry[]) =>
      part.filter(
        ({ kind, actor }) =>
          kind === 'access.granted' && 'credential' in actor && actor.credential === holder.person.key.kid,
      ).length;
    expect(granted(entries.slice(index))).toBe(0);
    expect(codes.filter((code) => code === 'ok')).toHaveLength(granted(entries.slice(0, index)) - 1);
    expect(new Set(['ok', 'proof.key_revoked', ...codes])).toHaveLength(2);
    expect(entries[index]?.at).toBe(entries.at(-1)?.at);
  });

  it('on hold is refused while it is on the list in use, and no longer', async () => {
    const authority = await s.authority();
    const holder = await s.officer(authority);
    const revoked = [{ certificate: holder.certificate, reason: certificateHold }];
    for (const number of [1, 2]) {
      await s.put(await authority.list({ number, revoked }), authority);
      expect(await holder.ask()).toBe('proof.certificate_held');
    }
    await s.put(await authority.list({ number: 3 }), authority);
    expect(await holder.ask()).toBe('ok');
  });

  it('is nobody else’s of the same number by another authority', async () => {
    const [one, other] = [await s.authority(), await s.authority()];
    const mine = await s.officer(one, [one.certificate], '7a7a');
    const theirs = await s.officer(other, [other.certificate], '7a7a');
    await s.put(await one.list({ revoked: [{ certificate: mine.certificate }] }), one);
    await s.put(await other.list(), other, 'other.pem');
    expect([await mine.ask(), await theirs.ask()]).toEqual(['proof.key_revoked', 'ok']);
  });
});

describe('a list', () => {
  it('that ran out makes its certificates unusable, until there is a newer one', async () => {
    const authority = await s.authority();
    const holder = await s.officer(authority);
    const nextUpdate = new Date(s.t.clock.now() + 3_600_000);
    await s.put(await authority.list({ nextUpdate }), authority);
    expect(s.t.service.listFigures()).toMatchObject({ stale: 0, runsOut: 1 });
    s.t.clock.advance(3_600_000);
    expect(await holder.ask()).toBe('ok');
    s.t.clock.advance(1);
    expect(await holder.ask()).toBe('proof.revocation_unknown');
    expect(await s.tryEnrol(authority)).toBe('certificate.revocation_unknown');
    expect(s.t.service.listFigures()).toMatchObject({ stale: 1, runsOut: 0 });
    const thisUpdate = new Date(s.t.clock.now() - 1_000);
    await s.put(await authority.list({ number: 2, thisUpdate }), authority);
    expect(await holder.ask()).toBe('ok');
    expect(s.t.service.listFigures()).toMatchObject({ stale: 0, runsOut: 0 });
  });

  it('that is stale from the beginning still revokes, and makes nothing good', async () => {
    const authority = await s.authority();
    const [holder, other] = [await s.officer(authority), await s.officer(authority)];
    const thisUpdate = new Date('2096-10-01T00:00:00Z');
    const revoked = [{ certificate: holder.certificate }];
    await s.put(await authority.list({ thisUpdate, revoked }), authority);
    expect([await holder.ask(), await other.ask()]).toEqual([
      'proof.key_revoked',
      'proof.revocation_unknown',
    ]);
  });

  it.each<[name: string, number: number, thisUpdate: string]>([
    ['of a lower number', 299, '2096-11-20T08:30:00Z'],
    ['of the same number', 300, '2096-11-20T08:30:00Z'],
    ['of a higher number and an earlier date', 301, '2096-11-20T07:30:00Z'],
  ])('%s is not put in place of the one in use', async (_, number, thisUpdate) => {
    const authority = await s.authority();
    const holder = await s.officer(authority);
    const revoked = [{ certificate: holder.certificate, reason: certificateHold }];
    await s.put(await authority.list({ number: 300, revoked }), authority);
    const older = await authority.list({ number, thisUpdate: new Date(thisUpdate) });
    expect(await s.put(older, authority)).toEqual(['revocation_list.older']);
    expect(await holder.ask()).toBe('proof.certificate_held');
  });

  it('of the next minute waits for it', async () => {
    const authority = await s.authority();
    const list = await authority.list({ thisUpdate: new Date(s.t.clock.now() + 60_000) });
    expect(await s.put(list, authority)).toEqual(['revocation_list.not_yet']);
    s.t.clock.advance(400_000);
    expect(await s.look()).toEqual([]);
  });

  it.each<[name: string, code: string, make: (of: Authority) => Promise<Uint8Array>]>([
    ['by an authority nobody trusts', 'issuer', async () => (await makeAuthority('Stranger')).list()],
    [
      'with an authority’s name, by another key',
      'signature',
      async () => (await makeAuthority('Root')).list(),
    ],
    ['by an authority that may sign no lists', 'usage', () => weak.list()],
    ['of changes', 'delta', (of) => of.list({ extensions: [numberExtension('2.5.29.27', 1, true)] })],
    // issuingDistributionPoint with `indirectCRL`, and with `onlyContainsUserCerts`
    ['of other authorities’ certificates', 'indirect', (of) => of.list(distributionPoint(0x84))],
    ['of a part of the certificates', 'partial', (of) => of.list(distributionPoint(0x81))],
    [
      'with an entry of another authority’s certificate',
      'indirect',
      (of) => entryWith(of, certificateIssuer),
    ],
    ['with something critical that nobody knows', 'extension', (of) => of.list({ extensions: [unknown] })],
    ['with something critical of an entry that nobody knows', 'extension', (of) => entryWith(of, unknown)],
    ['without a number', 'malformed', (of) => of.list({ withoutNumber: true })],
    ['that takes a hold back, as lists of changes do', 'malformed', (of) => entryFor(of, removeFromCRL)],
    ['signed over SHA-1', 'algorithm', (of) => of.list({ hash: 'SHA-1' })],
    ['with bytes behind it', 'malformed', async (of) => Buffer.concat([await of.list(), Buffer.alloc(1)])],
    ['of too many bytes', 'too_large', async () => tooLong()],
    ['that is none', 'malformed', async () => Buffer.from([0x30, 0x03, 0x02, 0x01, 0x01])],
  ])('%s is refused, and changes nothing', async (_, code, make) => {
    const authority = await s.authority();
    const holder = await s.officer(authority);
    const before = (await s.taken()).length;
    expect(await s.put(await make(authority), authority)).toEqual([`revocation_list.${code}`]);
    expect(await s.taken()).toHaveLength(before);
    expect(await holder.ask()).toBe('ok');
    const view = await s.t.administrator.call('GET', '/v1/authorities');
    expect(view.body).toMatchObject({ refused: [`revocation_list.${code}`] });
  });

  it('is taken as DER by the anchor itself, and once, however often its file is touched', async () => {
    const before = (await s.taken()).length;
    const path = join(s.folder, 'root.crl');
    await writeFile(path, await s.root.list());
    await s.look();
    await utimes(path, new Date(), new Date());
    expect(await s.look()).toEqual([]);
    expect(await s.taken()).toHaveLength(before + 1);
  });

  it('is not looked for in a file of something else, or in a larger one than lists may have', async () => {
    await writeFile(join(s.folder, 'notes.txt'), 'nothing');
    await writeFile(join(s.folder, 'large.pem'), Buffer.alloc(12 * 1024 * 1024 + 1));
    expect(await s.look()).toEqual(['revocation_list.unreadable', 'revocation_list.unreadable']);
  });
});

const unknown = new x509.Extension('1.2.3.4', true, Uint8Array.of(5, 0));
const certificateIssuer = new x509.Extension('2.5.29.29', true, Uint8Array.of(0x30, 0x00));
const distributionPoint = (tag: number): ListOptions => ({
  extensions: [new x509.Extension('2.5.29.28', true, Uint8Array.of(0x30, 0x03, tag, 0x01, 0xff))],
});
async function entryWith(of: Authority, extension: x509.Extension): Promise<Uint8Array> {
  const certificate = await of.certify(await generateKey('ES256'), 'x');
  return of.list({ revoked: [{ certificate, extensions: [extension] }] });
}
async function entryFor(of: Authority, reason: x509.X509CrlReason): Promise<Uint8Array> {
  const certificate = await of.certify(await generateKey('ES256'), 'x');
  return of.list({ revoked: [{ certificate, reason }] });
}
/** A SEQUENCE of more bytes than a list may have. */
function tooLong(): Uint8Array {
  const bytes = Buffer.alloc(listLimits.bytes + 1);
  bytes.set([0x30, 0x83, ...[16, 8, 0].map((shift) => ((bytes.length - 5) >>> shift) & 0xff)]);
  return bytes;
}

it('every decision follows from the lists, and an audit without them says what it could not see', async () => {
  const report = await replayOf(s.t);
  expect(report.problems).toEqual([]);
  expect(report.gaps).not.toHaveProperty('revocation_list');
  expect(report.counts['revocation_list.taken']).toBeGreaterThan(10);
  const without = await replayOf({ ledger: s.t.ledger });
  expect(without.problems).toEqual([]);
  expect(without.gaps.revocation_list?.count).toBeGreaterThan(10);
});
