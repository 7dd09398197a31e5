import { generateIdentity, identityToRecipient } from 'age-encryption';
import { type Role, roles } from '#shared/control';
import type { OrderDraft } from '#shared/orders';
import { generateKey, type SigningKey } from '#shared/signed-request';
import { enrolmentBody } from './enrolment.ts';
import {
  type AdministratorKeys,
  type Enrolled,
  enrolOver,
  type PersonOverHttp,
  personOverHttp,
} from './people-over-http.ts';
import { orderBody, orderDraftFor } from './test-service.ts';

/** Credentials of each role: what one may ask in a time is bounded. */
const perRole = 5;
const spares = 10;
const dayMs = 86_400_000;

/** People, orders in each state, and disclosures, for a tool that makes requests about them. */
export interface Population {
  readonly signers: readonly Enrolled[];
  /** By name of the path's parameter. */
  readonly ids: Readonly<Record<string, readonly string[]>>;
  /** Complete bodies by operation. */
  readonly bodies: Readonly<Record<string, readonly unknown[]>>;
}

/**
 * Fills a service that is new, whose administrators are named `alice` and `bob`.
 * @param target an address whose records are in the store already
 */
export async function populate(
  service: string,
  administrators: AdministratorKeys,
  target: string,
): Promise<Population> {
  const [first, second] = administrators;
  const alice = signer(first, 'alice', 'administrator');
  const bob = signer(second, 'bob', 'administrator');
  const as = ({ key, credentialId }: Enrolled) => personOverHttp(service, credentialId, key);
  /** The body that enrols a new key, with the key's own signature. */
  const enrolment = async (credentialId: string) => {
    const key = await generateKey('ES256');
    const candidate = { key, credentialId, audience: service, now: Date.now() };
    return { key, body: await enrolmentBody(candidate, credentialId, 'officer') };
  };

  const people = new Map<Role, Enrolled[]>();
  for (const role of roles) {
    const those: Enrolled[] = [];
    for (let i = 0; i < perRole; i++) {
      const one = signer(await generateKey('ES256'), `${role}-${i}`, role);
      await enrolOver(service, administrators, one);
      those.push(one);
    }
    people.set(role, those);
  }
  const one = (role: Role): PersonOverHttp => as(people.get(role)?.[0] ?? alice);
  const [registrar, reviewer, officer] = [one('registrar'), one('reviewer'), one('officer')];

  const recipient = await identityToRecipient(await generateIdentity());
  const orders: Record<'waiting' | 'approved' | 'suspended' | 'withdrawn', string[]> = {
    waiting: [],
    approved: [],
    suspended: [],
    withdrawn: [],
  };
  // The log is read meanwhile: an order reaches what was collected before it was received.
  for (let tries = 0, total: unknown = 0; total === 0; tries++) {
    if (tries > 100) throw new Error('no record of the target was collected');
    const { orderId } = await registrar.call('POST', '/v1/orders', orderBody(draftNow(recipient, target)));
    ({ total } = await reviewer.call('GET', `/v1/orders/${orderId}/estimate`));
    orders.waiting.push(String(orderId));
  }
  for (let i = 0; i < 20; i++) {
    const { orderId } = await registrar.call('POST', '/v1/orders', orderBody(draftNow(recipient, target)));
    const state =
      (['waiting', 'approved', 'suspended', 'withdrawn', 'approved'] as const)[i % 5] ?? 'waiting';
    orders[state].push(String(orderId));
    if (state !== 'waiting') await reviewer.call('POST', `/v1/orders/${orderId}/approval`);
    if (state === 'suspended') {
      await reviewer.call('POST', `/v1/orders/${orderId}/suspension`, { reason: 'by_authority' });
    }
    if (state === 'withdrawn') {
      await reviewer.call('POST', `/v1/orders/${orderId}/revocation`, { reason: 'withdrawn' });
    }
  }
  const disclosures: string[] = [];
  for (const orderId of orders.approved) {
    const { disclosureId } = await officer.call('POST', '/v1/disclosures', { orderId });
    disclosures.push(String(disclosureId));
  }

  // Who may be confirmed, or revoked: nobody that signs.
  const spare: string[] = [];
  for (let i = 0; i < spares; i++) {
    const { key, body } = await enrolment(`spare-${i}`);
    await as(alice).call('POST', '/v1/credentials', body);
    spare.push(key.kid);
  }
  const enrolments = [];
  for (let i = 0; i < 40; i++) enrolments.push((await enrolment(`new-${i}`)).body);

  const version = { version: 1 };
  const receivedAt = new Date().toISOString();
  const order = (change: Partial<OrderDraft> = {}) => orderBody(draftNow(recipient, target, change));
  const step = (name: string) => `POST /v1/orders/{orderId}/${name}`;
  return {
    signers: [alice, bob, ...[...people.values()].flat()],
    ids: { orderId: Object.values(orders).flat(), disclosureId: disclosures, thumbprint: spare },
    bodies: {
      'POST /v1/credentials': enrolments,
      'POST /v1/credentials/{thumbprint}/confirmation': Array.from({ length: spares }, (_, i) => ({
        personId: `spare-${i}`,
        role: 'officer',
      })),
      'POST /v1/orders': [order(), order({ emergency: { reasons: 'a life is in danger' } })],
      [step('amendment')]: [1, 2].map((number) => ({ ...(order() as object), version: number })),
      [step('approval')]: [version, { version: 2 }],
      [step('resumption')]: [version],
      [step('clarification-answer')]: [{ receivedAt }],
      'POST /v1/disclosures': orders.approved.map((orderId) => ({ orderId })),
      'POST /v1/retention/policy': [{ version: 2, period: 'P6M', legalBasis: 'none' }],
      'POST /v1/ledger/search': [{ first: 0, limit: 10 }],
    },
  };
}

const signer = (key: SigningKey, credentialId: string, role: Role): Enrolled => ({ key, credentialId, role });

function draftNow(recipient: string, value: string, change: Partial<OrderDraft> = {}): OrderDraft {
  const now = Date.now();
  const utc = (at: number): string => new Date(at).toISOString();
  return {
    ...orderDraftFor(recipient),
    scope: {
      ...orderDraftFor(recipient).scope,
      targets: [{ kind: 'address', value }],
      from: utc(now - 30 * dayMs),
      to: utc(now),
    },
    issuedAt: utc(now - dayMs),
    receivedAt: utc(now),
    validUntil: utc(now + 30 * dayMs),
    ...change,
  };
}
