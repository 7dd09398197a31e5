import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { isLastAdministrator } from '#shared/control';
import { validatePublicJwk } from '#shared/signed-request';
import type { ServiceContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { act, recordReading } from '../http/act.ts';
import { apiLimits } from '../limits.ts';
import {
  credentialParams,
  credentialView,
  enrolBody,
  listed,
  listOf,
  problemResponses,
  revokeBody,
} from './schemas.ts';

const dayMs = 86_400_000;

/** Administrators enrol and revoke; they never see records or orders' contents. */
export function credentialRoutes(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();

  app.post(
    '/v1/credentials',
    {
      config: { access: ['administrator'] },
      schema: {
        summary: 'Enrol a credential',
        tags: ['credentials'],
        body: enrolBody,
        response: { 201: credentialView, ...problemResponses },
      },
    },
    async (request, reply) => {
      const { algorithm, publicKey, notBefore, notAfter, ...who } = request.body;
      const key = await validatePublicJwk(publicKey, algorithm);
      const { result } = await act(context, request, (state) => {
        if (!key.ok) return { ok: false, error: new ApiError(key.code) };
        const days = (Date.parse(notAfter) - Date.parse(notBefore)) / dayMs;
        if (days <= 0 || days > apiLimits.credentialDays) {
          return { ok: false, error: new ApiError('credential.validity') };
        }
        if (state.credentials.has(key.kid)) return { ok: false, error: new ApiError('credential.exists') };
        const credential = {
          ...who,
          algorithm: key.alg,
          publicKey: { ...key.jwk },
          thumbprint: key.kid,
          notBefore,
          notAfter,
        };
        return {
          ok: true,
          entries: [{ kind: 'credential.enrolled', subject: key.kid, details: credential }],
          result: credential,
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
        summary: 'Revoke a credential',
        tags: ['credentials'],
        params: credentialParams,
        body: revokeBody,
        response: { 200: credentialView, ...problemResponses },
      },
    },
    async (request) => {
      const { thumbprint } = request.params;
      const { result } = await act(context, request, (state, at) => {
        const credential = state.credentials.get(thumbprint);
        if (!credential) return { ok: false, error: new ApiError('credential.unknown') };
        if (credential.revokedAt) return { ok: false, error: new ApiError('credential.revoked') };
        if (isLastAdministrator(state, credential, at)) {
          return { ok: false, error: new ApiError('credential.last_administrator') };
        }
        return {
          ok: true,
          entries: [
            {
              kind: 'credential.revoked',
              subject: thumbprint,
              details: { thumbprint, reason: request.body.reason },
            },
          ],
          result: { ...credential, revokedAt: at },
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
        summary: 'List credentials',
        tags: ['credentials'],
        response: { 200: listOf(credentialView), ...problemResponses },
      },
    },
    async (request) => recordReading(context, request, (state) => listed([...state.credentials.values()])),
  );
}
