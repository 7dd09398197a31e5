import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { decideErasure } from '#shared/control';
import type { ServiceContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { act } from '../http/act.ts';
import { eraseBody, erasureView, orderParams } from './order-schemas.ts';
import { problemResponses } from './schemas.ts';

/** A case ends after its order: another person than the one who recorded it erases what is kept of it. */
export function caseRoutes(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const { erasure } = context;

  app.post(
    '/v1/orders/:orderId/erasure',
    {
      config: { access: ['reviewer'] },
      schema: {
        summary: 'Erase the case of an order that has ended: its contents, document and requests',
        tags: ['orders'],
        params: orderParams,
        body: eraseBody,
        response: { 200: erasureView, ...problemResponses },
      },
    },
    async (request) => {
      const { orderId } = request.params;
      const { reason } = request.body;
      const { result } = await act(context, request, (state, at, credential) => {
        const decision = decideErasure(state, orderId, credential, at);
        if (!decision.ok) return { ok: false, error: new ApiError(decision.code) };
        return {
          ok: true,
          entries: [{ kind: 'case.erased', subject: orderId, details: { reason } }],
          result: { orderId, erasedAt: at },
        };
      });
      return { ...result, gone: await erasure.run(orderId) };
    },
  );
}
