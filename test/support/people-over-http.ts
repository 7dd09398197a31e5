import { generateIdentity, identityToRecipient } from 'age-encryption';
import { writeCeremony } from '#services/disclosure';
import type { Role } from '#shared/control';
import { generateKey, type SigningKey } from '#shared/signed-request';
import { categoryIds } from '#shared/traffic';
import { ceremonyAdministrator, enrolmentBody } from './enrolment.ts';
import { signCall } from './signed-call.ts';

/** Somebody with a credential, at a running service. */
export interface PersonOverHttp {
  call(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Record<string, unknown>>;
}

export function personOverHttp(service: string, credentialId: string, key: SigningKey): PersonOverHttp {
  return {
    async call(method, path, json) {
      const body = json === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(json));
      const proof = await signCall({ key, credentialId }, service, { method, path, body }, Date.now());
      const answer = await fetch(service + path, {
        method,
        headers: {
          'griffie-proof': proof,
          ...(body.length > 0 ? { 'content-type': 'application/json' } : {}),
        },
        ...(body.length > 0 ? { body } : {}),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return JSON.parse(text);
    },
  };
}

export interface OrderInForce {
  readonly registrar: PersonOverHttp;
  readonly officer: PersonOverHttp;
  readonly orderId: string;
  /** age identity of who may read what is released. */
  readonly recipientIdentity: string;
}

/** Two administrators of a service, who make the others. */
export type AdministratorKeys = readonly [SigningKey, SigningKey];

const administratorNames = ['alice', 'bob'] as const;

/** The ceremony on the console, for a service that has not been started yet. */
export async function makeAdministrators(service: string, keyFolder: string): Promise<AdministratorKeys> {
  const keys = [await generateKey('ES256'), await generateKey('ES256')] as const;
  const named = keys.map((key, i) =>
    ceremonyAdministrator({
      key,
      credentialId: administratorNames[i] ?? '',
      audience: service,
      now: Date.now(),
    }),
  );
  await writeCeremony(keyFolder, await Promise.all(named));
  return keys;
}

/** Somebody who is to have a credential; the person is called as the credential. */
export interface Enrolled {
  readonly key: SigningKey;
  readonly credentialId: string;
  readonly role: Role;
}

/** One administrator enrols a key, the other confirms it. */
export async function enrolOver(
  service: string,
  [first, second]: AdministratorKeys,
  { key, credentialId, role }: Enrolled,
): Promise<PersonOverHttp> {
  const candidate = { key, credentialId, audience: service, now: Date.now() };
  const body = await enrolmentBody(candidate, credentialId, role);
  await personOverHttp(service, administratorNames[0], first).call('POST', '/v1/credentials', body);
  await personOverHttp(service, administratorNames[1], second).call(
    'POST',
    `/v1/credentials/${key.kid}/confirmation`,
    { personId: credentialId, role },
  );
  return personOverHttp(service, credentialId, key);
}

/** An officer, and an approved order about half a year of these addresses, at a service that is new. */
export async function putOrderInForce(
  service: string,
  administrators: AdministratorKeys,
  addresses: readonly string[],
): Promise<OrderInForce> {
  const now = Date.now();
  const utc = (at: number): string => new Date(at).toISOString();
  const day = 86_400_000;
  const enrol = async (role: Role): Promise<PersonOverHttp> =>
    enrolOver(service, administrators, { key: await generateKey('ES256'), credentialId: role, role });
  const registrar = await enrol('registrar');
  const recipientIdentity = await generateIdentity();
  const content = Buffer.from('%PDF-1.7\n% stands for the order\nstartxref\n0\n%%EOF\n').toString('base64');
  const { orderId } = await registrar.call('POST', '/v1/orders', {
    order: {
      regime: 'NL_DOMESTIC',
      type: 'produce',
      legalBasis: 'Sv 126n',
      dataCategory: 'traffic',
      issuingState: 'NL',
      issuer: { authority: 'Parket', role: 'public_prosecutor', fileReference: '13/000001-26' },
      validatedBy: { name: 'Rechter-commissaris', role: 'examining_judge' },
      addressee: 'Example Mail',
      scope: {
        targets: addresses.map((value) => ({ kind: 'address', value })),
        from: utc(now - 184 * day),
        to: utc(now),
        categories: categoryIds,
      },
      recipients: [{ name: 'Parket', encryptionKey: await identityToRecipient(recipientIdentity) }],
      issuedAt: utc(now - day),
      receivedAt: utc(now),
      validUntil: utc(now + 30 * day),
    },
    document: { mediaType: 'application/pdf', content },
  });
  await (await enrol('reviewer')).call('POST', `/v1/orders/${String(orderId)}/approval`);
  return { registrar, officer: await enrol('officer'), orderId: String(orderId), recipientIdentity };
}
