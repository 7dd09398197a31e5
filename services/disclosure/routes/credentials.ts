import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import {
  type ControlState,
  type Credential,
  type Decision,
  decideConfirmation,
  decideCredentialRevocation,
  decideEnrolment,
  decideRotation,
  roles,
} from '#shared/control';
import {
  attestationHolds,
  checkPossession,
  type Possession,
  type PublicKeyResult,
  validatePublicJwk,
} from '#shared/signed-request';
import type { ServiceContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { act, recordReading } from '../http/act.ts';
import { modelIsAllowed } from '../passkeys/models.ts';
import { certificatesOf, checkCertificates } from './certificates.ts';
import {
  confirmBody,
  credentialParams,
  credentialView,
  enrolBody,
  enrolHeaders,
  listed,
  listOf,
  problemResponses,
  revokeBody,
  rotateBody,
} from './schemas.ts';

/**
 * Administrators enrol, confirm and revoke; they never see records or orders' contents. Holders let a new
 * key take the old one's place.
 */
export function credentialRoutes(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const tags = ['credentials'];
  const params = credentialParams;
  const refuse = (code: ConstructorParameters<typeof ApiError>[0]) =>
    ({ ok: false, error: new ApiError(code) }) as const;

  app.post(
    '/v1/credentials',
    {
      config: { access: ['administrator'] },
      schema: {
        summary: 'Enrol a credential, for another administrator to confirm',
        tags,
        headers: enrolHeaders,
        body: enrolBody,
        response: { 201: credentialView, ...problemResponses },
      },
    },
    async (request, reply) => {
      const { algorithm, publicKey, notBefore, notAfter, possession, chainSha256, ...who } = request.body;
      const sent = certificatesOf(request);
      const key = await validatePublicJwk(publicKey, algorithm);
      const { result } = await act(context, request, async (state, at, by) => {
        if (!key.ok) return refuse(key.code);
        const proven = await holderSigned(context, state, at, key, request.body);
        if (!proven.ok) return refuse(proven.code);
        const of = { algorithm: key.alg, publicKey: { ...key.jwk }, thumbprint: key.kid };
        const chain = await checkCertificates(context, state, { sent, chainSha256, ...of, at });
        if (!chain.ok) return refuse(chain.code);
        const details = {
          ...who,
          ...of,
          notBefore,
          notAfter,
          possession,
          ...chain.members,
          ...proven.members,
        };
        const decision = decideEnrolment(state, details, at);
        if (!decision.ok) return refuse(decision.code);
        const { thumbprint, personId } = by;
        return {
          ok: true,
          entries: [{ kind: 'credential.enrolled', subject: key.kid, details }],
          result: viewOf({ ...details, pending: { thumbprint, personId } }, state),
        };
      });
      return reply.status(201).send(result);
    },
  );

  app.post(
    '/v1/credentials/:thumbprint/confirmation',
    {
      config: { access: ['administrator'] },
      schema: {
        summary: 'Confirm what another administrator enrolled',
        tags,
        params,
        body: confirmBody,
        response: { 200: credentialView, ...problemResponses },
      },
    },
    async (request) => {
      const { thumbprint } = request.params;
      const { result } = await act(context, request, (state, at, by) => {
        const decision = decideConfirmation(state, thumbprint, by, request.body);
        if (!decision.ok) return refuse(decision.code);
        const { pending: _, ...confirmed } = decision.credential;
        const details = { thumbprint, ...request.body };
        return {
          ok: true,
          entries: [{ kind: 'credential.confirmed', subject: thumbprint, details }],
          result: viewOf({ ...confirmed, confirmedAt: at }, state),
        };
      });
      return result;
    },
  );

  app.post(
    '/v1/credentials/rotation',
    {
      config: { access: [...roles] },
      schema: {
        summary: 'Let a new key take the place of the one that signs this',
        tags,
        body: rotateBody,
        response: { 201: credentialView, ...problemResponses },
      },
    },
    async (request, reply) => {
      const { credentialId, algorithm, publicKey, possession } = request.body;
      const key = await validatePublicJwk(publicKey, algorithm);
      const { result } = await act(context, request, async (state, at, by) => {
        if (!key.ok) return refuse(key.code);
        const proven = await holderSigned(context, state, at, key, request.body);
        if (!proven.ok) return refuse(proven.code);
        const of = { algorithm: key.alg, publicKey: { ...key.jwk }, thumbprint: key.kid };
        const decision = decideRotation(
          state,
          { credentialId, ...of, possession, ...proven.members },
          by,
          at,
        );
        if (!decision.ok) return refuse(decision.code);
        const details = { ...decision.credential, previous: by.thumbprint };
        return {
          ok: true,
          entries: [{ kind: 'credential.rotated', subject: key.kid, details }],
          result: viewOf(decision.credential, state),
        };
      });
      return reply.status(201).send(result);
    },
  );

  app.post(
    '/v1/credentials/:thumbprint/revocation',
    {
      config: { access: ['administrator'] },
      schema: {
        summary: 'Revoke a credential, at once and alone',
        tags,
        params,
        body: revokeBody,
        response: { 200: credentialView, ...problemResponses },
      },
    },
    async (request) => {
      const { thumbprint } = request.params;
      const { result } = await act(context, request, (state, at) => {
        const decision = decideCredentialRevocation(state, thumbprint, at);
        if (!decision.ok) return refuse(decision.code);
        const details = { thumbprint, reason: request.body.reason };
        return {
          ok: true,
          entries: [{ kind: 'credential.revoked', subject: thumbprint, details }],
          result: viewOf({ ...decision.credential, revokedAt: at }, state),
        };
      });
      return result;
    },
  );

  app.get(
    '/v1/credentials',
    {
      config: { access: ['administrator', 'auditor'] },
      schema: {
        summary: 'List credentials, with their last use',
        tags,
        response: { 200: listOf(credentialView), ...problemResponses },
      },
    },
    async (request) =>
      recordReading(context, request, (state) =>
        listed([...state.credentials.values()].map((credential) => viewOf(credential, state))),
      ),
  );
}

/** Whether the key's holder signed for this enrolment at this service, and with what passkey, if it is one. */
async function holderSigned(
  { passkeyModels }: Pick<ServiceContext, 'passkeyModels'>,
  { configuration }: ControlState,
  at: string,
  key: Extract<PublicKeyResult, { ok: true }>,
  { credentialId, possession }: { readonly credentialId: string; readonly possession: string },
): Promise<Decision<{ members: Possession }, 'credential.possession' | 'credential.passkey_model'>> {
  const audience = configuration?.audience ?? '';
  const nowSeconds = Math.floor(Date.parse(at) / 1000);
  const members = await checkPossession(possession, key, { credentialId, audience, nowSeconds });
  if (members === null || (members.passkey && !(await attestationHolds(possession)))) {
    return { ok: false, code: 'credential.possession' };
  }
  return modelIsAllowed(members.passkey, passkeyModels)
    ? { ok: true, members }
    : { ok: false, code: 'credential.passkey_model' };
}

function viewOf({ pending, ...credential }: Credential, { lastUse }: Pick<ControlState, 'lastUse'>) {
  const lastUsedAt = lastUse.get(credential.thumbprint);
  return {
    ...credential,
    pending: pending !== undefined,
    ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
  };
}
