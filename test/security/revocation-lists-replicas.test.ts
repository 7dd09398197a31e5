import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMemoryOrder } from '#shared/ledger-storage';
import type { SigningKey } from '#shared/signed-request';
import { type Authority, makeAuthority } from '../support/authority.ts';
import { entriesOf, replayOfEntries } from '../support/replayed.ts';
import { type Replica, Replicas, type Who } from '../support/replicas.ts';

/* Two replicas with a file of lists each. What one of them took into use holds at the other at once. */

let replicas: Replicas;
let authority: Authority;
let [one, other]: Replica[] = [];
beforeAll(async () => {
  authority = await makeAuthority('Officers');
  const order = createMemoryOrder();
  replicas = new Replicas(async () => order, [authority.certificate]);
  await replicas.make();
  for (const name of ['one', 'other']) await writeFile(replicas.listOf(name), await authority.list());
  one = await replicas.start('one');
  other = await replicas.start('other');
});
afterAll(async () => {
  await one?.stop();
  await other?.stop();
  await replicas.remove();
});

it('a list is taken once, acts at both, and is not put back by the one that has an older file', async () => {
  if (!one || !other) throw new Error('not started');
  const certificates: Uint8Array[] = [];
  const certify = async (key: SigningKey) => {
    certificates.push(await authority.certify(key, 'x'));
    return certificates.slice(-1);
  };
  const officer = await replicas.enrol(one, 'officer', certify);
  const ask = async (at: Replica | undefined, who: Who) => {
    const answer = await at?.call(who, 'GET', '/v1/orders');
    return answer?.status === 200 ? 'ok' : answer?.body.code;
  };
  await expect.poll(() => ask(other, officer)).toBe('ok');
  const revoked = certificates.map((certificate) => ({ certificate }));
  await writeFile(replicas.listOf('one'), await authority.list({ number: 2, revoked }));
  await one.service.watchLists();
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask(other, officer)));
  expect(new Set(answers)).toEqual(new Set(['proof.key_revoked']));

  const older = await authority.list({ number: 1, nextUpdate: new Date('2096-12-24T00:00:00Z') });
  await writeFile(replicas.listOf('other'), older);
  await other.service.watchLists();
  expect(other.service.listFigures().refused).toEqual(['revocation_list.older']);
  // By the list that the other one took, which it reads where both keep them.
  const next = await replicas.enrol(other, 'officer', certify);
  expect(await ask(other, next)).toBe('ok');

  await one.ledger.refresh();
  const entries = await entriesOf({ ledger: one.ledger });
  const numbers = entries
    .filter(({ kind }) => kind === 'revocation_list.taken')
    .map(({ details }) => Object(details).number);
  expect(numbers).toEqual(['1', '2']);
  const report = await replayOfEntries(entries, replicas.keptLists);
  expect([report.problems, report.gaps.revocation_list, report.gaps.revocation_list_missing]).toEqual([
    [],
    undefined,
    undefined,
  ]);
});
