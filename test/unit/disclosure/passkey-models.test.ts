import { expect, it } from 'vitest';
import { modelIsAllowed, passkeyPolicySchema } from '../../../services/disclosure/passkeys/models.ts';

const aaguid = 'ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4';
const passkey = (attestation: string, model = aaguid) => ({ id: 'AA', attestation, aaguid: model });
const models = new Set([aaguid]);

it('without named models any authenticator will do, attested or not', () => {
  expect(modelIsAllowed(passkey('none'), new Set())).toBe(true);
});

it('a named model must be vouched for by its maker: nobody believes what an authenticator says of itself', () => {
  expect(modelIsAllowed(passkey('packed'), models)).toBe(true);
  expect(modelIsAllowed(passkey('none'), models)).toBe(false);
  expect(modelIsAllowed(passkey('self'), models)).toBe(false);
  expect(modelIsAllowed(passkey('packed', '00000000-0000-0000-0000-000000000000'), models)).toBe(false);
});

it('keys that are no passkeys are not concerned', () => {
  expect(modelIsAllowed(undefined, models)).toBe(true);
});

it('a policy names models, and the authorities that vouch for them', () => {
  expect(passkeyPolicySchema.safeParse({ models: [aaguid], rootsFile: 'roots.pem' }).success).toBe(true);
  for (const policy of [
    { models: [aaguid] },
    { models: [], rootsFile: 'x' },
    { models: ['x'], rootsFile: 'x' },
  ]) {
    expect(passkeyPolicySchema.safeParse(policy).success).toBe(false);
  }
});
