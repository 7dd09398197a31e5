import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { type DetailsOf, readableHolds } from '#shared/control';
import type { ServiceContext } from '../context.ts';
import { getOrder } from '../control/order-file.ts';
import { ApiError } from '../errors.ts';
import { recordReading } from '../http/act.ts';
import { estimateView, orderParams } from './order-schemas.ts';
import { findOrder } from './order-view.ts';
import { problemResponses } from './schemas.ts';

/** What an order would release, in counts. */
export function orderEstimateRoute(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const { cases, clock, store } = context;

  app.get(
    '/v1/orders/:orderId/estimate',
    {
      config: { access: ['reviewer'] },
      schema: {
        summary: 'Estimate what an order would release: counts by type, never records',
        tags: ['orders'],
        params: orderParams,
        response: { 200: estimateView, ...problemResponses },
      },
    },
    async (request) => {
      const { orderId } = request.params;
      const read = await recordReading(context, request, async (state, at, credential) => {
        const found = findOrder(state, orderId, credential, at);
        const { order } = await getOrder(cases, found);
        const holds = readableHolds(state, found, at);
        return { order, holds, details: found.details, shownTo: credential };
      });
      // After the step, not in it: a count may take minutes, and nobody else could act meanwhile.
      const scope = { ...read.order.scope, collectedUpTo: read.order.receivedAt };
      const counts = await store.countScope(scope, { now: clock.now(), holds: read.holds });
      const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
      const { version, broadTargetCount = 0 } = read.details;
      const shown = { version, shownTo: read.shownTo.thumbprint, counts, total };
      // On record before it is shown: the approver of a broad order confirms just these counts.
      if (broadTargetCount > 0) await recordEstimate(context, orderId, shown);
      return { counts, total };
    },
  );
}

/** @throws ApiError where the order was amended, ended for good or erased while it was counted */
async function recordEstimate(
  { control }: ServiceContext,
  subject: string,
  details: DetailsOf<'order.estimated'>,
): Promise<void> {
  await control.transact((state, at) => {
    const order = state.orders.get(subject);
    if (order?.erasedAt !== undefined) throw new ApiError('order.erased');
    if (!order || order.revoked || order.details.version !== details.version) {
      throw new ApiError('order.version');
    }
    const by = { at, actor: { service: 'disclosure' } };
    return { entries: [{ ...by, kind: 'order.estimated', subject, details }], result: undefined };
  });
}
