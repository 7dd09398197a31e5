import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LedgerEntry } from '#shared/ledger';
import { x509 } from '../support/authority.ts';
import { ListService } from '../support/list-service.ts';
import { entriesOf, replayOfEntries } from '../support/replayed.ts';

/* A ledger that was written otherwise than the lists allow: an audit that has them finds it. */

let s: ListService;
let entries: readonly LedgerEntry[];
let list: LedgerEntry;
/** Of the last entries: two officers ask, one is enrolled in between, and a list revokes both. */
const [heldGranted, enrolled, granted, taken, heldRefused] = [-6, -5, -3, -2, -1];
beforeAll(async () => {
  s = await ListService.start();
  const authority = await s.authority();
  await s.put(await authority.list(), authority);
  // Past the time in which a request that was judged before it may still be recorded.
  s.t.clock.advance(600_000);
  const held = await s.officer(authority);
  await held.ask();
  const holder = await s.officer(authority);
  await holder.ask();
  const revoked = [
    { certificate: holder.certificate },
    { certificate: held.certificate, reason: x509.X509CrlReason.certificateHold },
  ];
  await s.put(await authority.list({ number: 2, revoked }), authority);
  await held.ask();
  entries = await entriesOf(s.t);
  list = entries.at(taken) as LedgerEntry;
  expect(entries.slice(heldGranted).map(({ kind }) => kind)).toEqual([
    'access.granted',
    'credential.enrolled',
    'credential.confirmed',
    'access.granted',
    'revocation_list.taken',
    'access.refused',
  ]);
});
afterAll(() => s.stop());

const problemsOf = async (forged: readonly LedgerEntry[]) =>
  (await replayOfEntries(forged, s.t.keptLists)).problems.map(({ code, index }) => [code, index]);
const withDetails = (change: object): LedgerEntry => ({ ...list, details: { ...list.details, ...change } });
/** The list as it would have been taken before the second officer was enrolled. */
function earlier(): LedgerEntry {
  const { thumbprint } = Object(entries.at(enrolled)?.details);
  const { revoked } = list.details as unknown as { revoked: readonly { thumbprint: string }[] };
  return withDetails({ revoked: revoked.filter((one) => one.thumbprint !== thumbprint) });
}

it('as it was written, nothing is found', async () => {
  expect(await problemsOf(entries)).toEqual([]);
});

describe('is found', () => {
  it('a request that was granted after the list', async () => {
    const forged = [...entries.slice(0, granted), list, ...entries.slice(granted, taken)];
    expect(await problemsOf(forged)).toEqual([['entry.impossible', forged.length - 1]]);
  });

  it('a request that was granted while the certificate was on hold', async () => {
    const forged = [...entries.slice(0, heldGranted), earlier(), ...entries.slice(heldGranted, enrolled)];
    expect(await problemsOf(forged)).toEqual([['entry.decision', forged.length - 1]]);
  });

  it('a request that was refused for a hold that was none', async () => {
    const forged = [...entries.slice(0, taken), ...entries.slice(heldRefused)];
    expect(await problemsOf(forged)).toEqual([['entry.decision', forged.length - 1]]);
  });

  it('an enrolment after the list', async () => {
    const forged = [...entries.slice(0, enrolled), earlier(), ...entries.slice(enrolled, taken)];
    expect(await problemsOf(forged)).toEqual([['entry.revocation_list', forged.length - 3]]);
  });

  it.each<[string, object]>([
    ['a list that does not say whom it revokes', { revoked: [] }],
    ['a list with another end', { nextUpdate: '2099-01-01T00:00:00.000Z' }],
    ['a list with another number', { number: '3' }],
    ['a list with another count', { entries: 0 }],
    ['a list as another authority’s', { authority: 'ab'.repeat(32), revoked: [] }],
  ])('%s', async (_, change) => {
    const forged = [...entries.slice(0, taken), withDetails(change)];
    expect(await problemsOf(forged)).toEqual([['entry.revocation_list', forged.length - 1]]);
  });

  it('an older list in place of the one in use', async () => {
    const older = entries.filter(({ kind }) => kind === 'revocation_list.taken').slice(0, 1);
    const forged = [...entries, ...older];
    expect(await problemsOf(forged)).toEqual([['entry.impossible', forged.length - 1]]);
  });

  it('a list of an authority that nobody trusts', async () => {
    const forged = [...entries.slice(0, taken), withDetails({ certificates: ['ab'.repeat(32)] })];
    expect(await problemsOf(forged)).toEqual([['entry.impossible', forged.length - 1]]);
  });

  it('a list that is not kept, as something that could not be checked', async () => {
    const forged = [...entries.slice(0, taken), withDetails({ sha256: 'ab'.repeat(32) })];
    const { problems, gaps } = await replayOfEntries(forged, s.t.keptLists);
    expect(problems).toEqual([]);
    expect(gaps.revocation_list_missing).toEqual({ count: 1, first: [forged.length - 1] });
  });
});
