import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { v7 as uuidv7 } from 'uuid';
import { decideCollection, decideDisclosure, decideRelease, holdsAreCopied } from '#shared/control';
import { isWholeScope, parseTarget, type RequestedScope, type Target } from '#shared/orders';
import type { ServiceContext } from '../context.ts';
import { getOrder } from '../control/order-file.ts';
import { putRequest } from '../control/request-file.ts';
import { ApiError, type ErrorCode } from '../errors.ts';
import { act, recordReading } from '../http/act.ts';
import { bodyOf } from '../http/request-body.ts';
import { mediaTypes } from '../limits.ts';
import { findDisclosure, viewOf } from './disclosure-view.ts';
import {
  type DisclosureBody,
  disclosureBody,
  disclosureParams,
  disclosureView,
  file,
  problemResponses,
} from './schemas.ts';

/** Officers request, follow and fetch. */
export function disclosureRoutes(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const { cases, clock, packages, releases } = context;

  app.post(
    '/v1/disclosures',
    {
      config: { access: ['officer'] },
      schema: {
        summary: 'Request a disclosure within the scope of an approved order',
        tags: ['disclosures'],
        body: disclosureBody,
        response: { 202: disclosureView, ...problemResponses },
      },
    },
    async (request, reply) => {
      const { orderId, orderVersion = 1 } = request.body;
      const named = { orderId, version: orderVersion };
      const requested = readScope(request.body.scope);
      const disclosureId = uuidv7({ msecs: clock.now() });
      const { result } = await act(context, request, async (state, at, credential) => {
        const release = decideRelease(state, named, at);
        const order = release.ok ? (await getOrder(cases, release.order)).order : null;
        const decision = decideDisclosure(state, named, order, requested, at);
        const body = Buffer.from(bodyOf(request)).toString('base64');
        if (!decision.ok) {
          const [code = 'service.internal'] = decision.codes;
          // Kept like an allowed one where the order has a case, so that the refusal can be decided again.
          const known = state.orders.get(orderId);
          const commitments =
            known && known.erasedAt === undefined
              ? { commitments: { request: await putRequest(cases, orderId, disclosureId, { body }) } }
              : {};
          return {
            ok: false,
            error: new ApiError(code satisfies ErrorCode, { codes: decision.codes }),
            entries: [
              {
                kind: 'disclosure.refused',
                subject: disclosureId,
                ...commitments,
                details: {
                  orderId,
                  ...(orderVersion === 1 ? {} : { orderVersion }),
                  codes: [...decision.codes],
                },
              },
            ],
          };
        }
        const isWhole =
          release.ok &&
          order !== null &&
          isWholeScope(order, decision.scope) &&
          holdsAreCopied(state, release.order, at);
        const whole = isWhole ? { whole: true as const } : {};
        const file = { scope: decision.scope, body };
        const commitments = { request: await putRequest(cases, orderId, disclosureId, file) };
        const requestedBy = { thumbprint: credential.thumbprint, personId: credential.personId };
        const status = 'AwaitingDisclosure' as const;
        return {
          ok: true,
          entries: [
            {
              kind: 'disclosure.requested',
              subject: disclosureId,
              commitments,
              details: { orderId, orderVersion, ...whole },
            },
          ],
          result: {
            disclosureId,
            orderId,
            orderVersion,
            status,
            requestedAt: at,
            requestedBy,
            commitments,
            collections: 0,
          },
        };
      });
      releases.add(result.disclosureId);
      return reply.status(202).send(viewOf(result, false));
    },
  );

  app.get(
    '/v1/disclosures/:disclosureId',
    {
      config: { access: ['officer', 'auditor'] },
      schema: {
        summary: 'Follow a disclosure',
        tags: ['disclosures'],
        params: disclosureParams,
        response: { 200: disclosureView, ...problemResponses },
      },
    },
    async (request) =>
      recordReading(context, request, async (state, _at, credential) => {
        const disclosure = findDisclosure(state, request.params.disclosureId, credential);
        const { released, disclosureId } = disclosure;
        return viewOf(disclosure, released !== undefined && (await packages.isSealed(disclosureId)));
      }),
  );

  app.get(
    '/v1/disclosures/:disclosureId/package',
    {
      config: { access: ['officer'] },
      schema: {
        summary: 'Fetch the package',
        tags: ['disclosures'],
        params: disclosureParams,
        response: { 200: file(mediaTypes.package), ...problemResponses },
      },
    },
    async (request, reply) => {
      const { disclosureId } = request.params;
      // Durable before the first byte leaves.
      const { result: archive } = await act(context, request, async (state, at, credential) => {
        try {
          const disclosure = findDisclosure(state, disclosureId, credential);
          if (disclosure.status === 'Error') throw new ApiError('disclosure.failed');
          if (disclosure.status === 'Cancelled') throw new ApiError('disclosure.cancelled');
          if (disclosure.packageRemovedAt !== undefined) throw new ApiError('disclosure.package_removed');
          const { orderId, orderVersion: version } = disclosure;
          const collection = decideCollection(state, { orderId, version }, at);
          if (!collection.ok) throw new ApiError(collection.code);
          // Announced in this ledger, too: a package alone (from a backup, say) is no release.
          const archive = disclosure.released ? await packages.open(disclosureId) : null;
          if (archive === null) throw new ApiError('disclosure.not_ready');
          const { bytes } = archive;
          return {
            ok: true,
            entries: [{ kind: 'disclosure.collected', subject: disclosureId, details: { bytes } }],
            result: archive,
          };
        } catch (error) {
          if (error instanceof ApiError) return { ok: false, error };
          throw error;
        }
      });
      return reply
        .type(mediaTypes.package)
        .header('content-length', archive.bytes)
        .header('content-disposition', `attachment; filename="griffie-${disclosureId}.tar"`)
        .send(archive.read());
    },
  );
}

/** Targets in normal form, or the refusal that names each that is none. */
function readScope(scope: DisclosureBody['scope']): RequestedScope {
  if (scope === undefined) return {};
  const { targets, ...rest } = scope;
  if (targets === undefined) return rest;
  const parsed = targets.map(({ kind, value, subaddresses }) => parseTarget(kind, value, subaddresses));
  const problems = parsed.flatMap((result, index) =>
    result.ok ? [] : [{ path: `scope.targets.${index}`, sentence: `the value ${result.reason}` }],
  );
  if (problems.length > 0) throw new ApiError('request.invalid', { problems });
  return { ...rest, targets: parsed.flatMap((result): Target[] => (result.ok ? [result.target] : [])) };
}
