import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OrderDraft } from '#shared/orders';
import { utc } from '#shared/runtime';
import { epocDraft } from '../../support/order-steps.ts';
import { makeDocumentSigning, plainPdf } from '../../support/signed-documents.ts';
import { type ServiceUnderTest, startService } from './against-service.ts';

/* The life of orders by the command line, and the same ledger before an auditor. */

let world: ServiceUnderTest;
let registrar: string;
let reviewer: string;
let officer: string;
let document: string;
const signing = makeDocumentSigning();
beforeAll(async () => {
  world = await startService();
  registrar = await world.person('registrar', 'j-devries');
  reviewer = await world.person('reviewer', 'm-bakker');
  officer = await world.person('officer', 'a-jansen');
  document = world.folder.path('signed.pdf');
  writeFileSync(document, signing.signPdf(plainPdf(), signing.signer('prosecutor')));
});
afterAll(async () => {
  signing.remove();
  await world.stop();
});

let drafts = 0;
const fileOf = (draft: OrderDraft): string => world.folder.write(`order-${++drafts}.json`, draft);
async function order(by: string, ...args: string[]) {
  const ran = await world.griffie('order', ...args, '--as', by, '--json');
  return ran.exitCode === 0
    ? { status: String(ran.json().status), ...ran.json() }
    : { status: ran.error().code };
}
async function recorded(draft: OrderDraft): Promise<string> {
  const ran = await world.griffie(
    'order',
    'record',
    '--as',
    registrar,
    '--order',
    fileOf(draft),
    '--document',
    document,
    '--json',
  );
  if (ran.exitCode !== 0) throw new Error(ran.stderr);
  expect(ran.json().documentSignature).toEqual({ state: 'indeterminate', reason: 'signature.no_anchors' });
  return String(ran.json().orderId);
}

describe('griffie order', () => {
  it('amends, and approves the version that was read', async () => {
    const id = await recorded(world.service.orderDraft());
    const amended = await order(
      registrar,
      'amend',
      id,
      '--order',
      fileOf(world.service.orderDraft()),
      '--document',
      document,
    );
    expect(amended).toMatchObject({ status: 'AwaitingApproval', version: 2 });
    expect((await order(reviewer, 'approve', id)).status).toBe('order.version');
    expect((await order(reviewer, 'approve', id, '--order-version', '2')).status).toBe('Approved');
    const request = ['disclosure', 'request', '--as', officer, '--order', id, '--json'];
    expect((await world.griffie(...request)).error().code).toBe('order.version');
    expect((await world.griffie(...request, '--order-version', '2', '--wait')).exitCode).toBe(0);
  });

  it('suspends, resumes and withdraws', async () => {
    const id = await recorded(world.service.orderDraft());
    await order(reviewer, 'approve', id);
    expect((await order(registrar, 'suspend', id, '--reason', 'by_authority')).status).toBe('Suspended');
    expect((await order(reviewer, 'resume', id)).status).toBe('Approved');
    expect((await order(registrar, 'withdraw', id, '--reason', 'withdrawn')).status).toBe('Cancelled');
  });

  it('shows what is held, and has another person extend and lift it', async () => {
    const now = utc(world.service.clock.now());
    const preserve = world.service.orderDraft({
      regime: 'EU_EPOC_PR',
      type: 'preserve',
      legalBasis: 'Article 6',
      issuedAt: now,
      receivedAt: now,
    });
    const id = await recorded(preserve);
    await world.service.service.watchOrders();
    const list = async (): Promise<string> =>
      (await world.griffie('hold', 'list', '--as', reviewer)).stdout
        .split('\n')
        .find((line) => line.includes(id)) ?? '';
    expect(await list()).toMatch(/EU_EPOC_PR +preserve .* 2097-01-19T09:00:00\.\d{3}Z +- +held$/);
    const step = (name: string, by: string, reason: string) =>
      world.griffie('hold', name, id, '--reason', reason, '--as', by);
    expect((await step('extend', registrar, 'extension')).stderr).toContain('access.role');
    expect((await step('extend', reviewer, 'extension')).stdout).toContain('2097-02-18T09:00');
    expect((await step('extend', reviewer, 'extension')).stderr).toContain('hold.extended_already');
    expect((await step('lift', reviewer, 'by_authority')).exitCode).toBe(0);
    expect(await list()).toMatch(/over, being removed \(lifted\)$/);
  });

  it('shows what is due, asks, and records what was answered', async () => {
    const now = world.service.clock.now();
    const notification = {
      required: true,
      enforcingAuthority: 'Openbaar Ministerie',
      notifiedAt: utc(now - 3_600_000),
    };
    const id = await recorded(epocDraft(world.service, { notification }));
    await order(reviewer, 'approve', id);
    const shown = await world.griffie('order', 'show', id, '--as', registrar);
    expect(shown.stdout).toMatch(/^due +2096-11-30T08:00:00\.000Z$/m);
    expect(shown.stdout).toMatch(/^release waits until +2096-11-30T08:00:00\.000Z$/m);
    expect(shown.stdout).toMatch(/^document signature +indeterminate, signature\.no_anchors$/m);
    expect(shown.stdout).toMatch(/^signed by, as the certificates say +prosecutor$/m);
    expect((await world.griffie('order', 'list', '--as', registrar)).stdout).toMatch(
      new RegExp(`^${id} .* 2096-11-30T08:00:00\\.000Z `, 'm'),
    );
    const asked = await order(
      registrar,
      'clarify',
      id,
      '--ground',
      'epoc.incomplete',
      '--ground',
      'epoc.press_freedom',
    );
    expect(asked).toMatchObject({ clarificationAskedAt: utc(now), deadline: { stopped: true } });
    expect((await world.griffie('order', 'list', '--as', registrar)).stdout).toContain(
      'the clock stands still',
    );
    await order(registrar, 'clarified', id, '--received', utc(now));
    const answer = ['notified', id, '--received', utc(now), '--answer'];
    expect((await order(registrar, ...answer, 'no_objection')).status).toBe('order.own_registration');
    expect((await order(reviewer, ...answer, 'no_objection')).status).toBe('Approved');
    const objection = [...answer, 'objection', '--ground', 'epoc.objection_immunity'];
    expect((await order(registrar, ...objection)).status).toBe('Rejected');
  });

  it('records what must follow an emergency', async () => {
    const id = await recorded(world.service.orderDraft({ emergency: { reasons: 'threat to life' } }));
    const shown = await world.griffie('order', 'show', id, '--as', registrar);
    expect(shown.stdout).toMatch(/^must follow: nl\.order_in_writing +by 2096-11-23T08:00:00\.000Z$/m);
    const done = await order(registrar, 'followed-up', id, '--follow-up', 'nl.order_in_writing');
    expect(done).toMatchObject({ followUps: [{ id: 'nl.order_in_writing', done: true }] });
  });

  it('rejects by grounds of the regime', async () => {
    const id = await recorded(world.service.orderDraft());
    const reject = ['reject', id, '--reason', 'inadmissible', '--ground'];
    expect((await order(reviewer, ...reject, 'epoc.incomplete')).status).toBe('order.ground');
    expect((await order(reviewer, ...reject, 'nl.not_competent')).status).toBe('Rejected');
  });

  it('approves a domain with the number of records that the estimate showed', async () => {
    const { scope, ...rest } = world.service.orderDraft();
    const targets = [{ kind: 'domain' as const, value: 'example.nl' }];
    const id = await recorded({ ...rest, scope: { ...scope, targets, broadTargetsOrdered: true } });
    expect((await order(reviewer, 'approve', id)).status).toBe('order.estimate_missing');
    expect((await order(reviewer, 'approve', id, '--records', '1')).status).toBe('order.estimate_differs');
    expect((await order(reviewer, 'approve', id, '--records', '0')).status).toBe('Approved');
  });
});

it('the ledger says of a signature whether it holds, not whose it is', async () => {
  const text = JSON.stringify(await world.service.entries());
  expect(text).toContain('"documentSignature":{"state":"indeterminate"');
  expect(text).not.toContain('prosecutor');
});

it('griffie audit verify makes each of these decisions again, with the contents of every version', async () => {
  const master = world.folder.write('master.txt', world.service.caseMasterKeys);
  const args = ['audit', 'verify', world.ledgerFolder, '--key', world.service.ledgerKey, '--json'];
  const ran = await world.griffie(
    ...args,
    '--cases',
    join(world.service.folder, 'cases'),
    '--case-master',
    master,
  );
  expect(ran.stderr).toBe('');
  expect(ran.exitCode).toBe(0);
  // What a refused request said is kept for refused disclosures alone.
  expect(ran.json().notChecked).toEqual([expect.objectContaining({ what: 'outside' })]);
});
