import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { v7 as uuidv7 } from 'uuid';
import {
  type ControlState,
  type DetailsOf,
  decideAmendment,
  decideReference,
  nextOrder,
  orderDetails,
  personOf,
  type Role,
  readableOrders,
} from '#shared/control';
import { checkOrder, type OrderDraft } from '#shared/orders';
import type { ServiceContext } from '../context.ts';
import { type OrderDocument, readDocument } from '../control/document.ts';
import { getDocument, getOrder, putOrder } from '../control/order-file.ts';
import { ApiError } from '../errors.ts';
import { type ActResult, act, recordReading } from '../http/act.ts';
import { bodyOf } from '../http/request-body.ts';
import { apiLimits, mediaTypes } from '../limits.ts';
import { orderEstimateRoute } from './order-estimate.ts';
import { amendOrderBody, orderParams, orderStatusView, orderView, recordOrderBody } from './order-schemas.ts';
import { orderStepRoutes, taken } from './order-steps.ts';
import { findOrder, orderStatusOf } from './order-view.ts';
import { file, listed, listOf, problemResponses } from './schemas.ts';

/** Who sees an order's status; its contents and document are for those who handle it. */
const statusReaders: readonly Role[] = ['registrar', 'reviewer', 'officer', 'auditor'];
const contentReaders: readonly Role[] = ['registrar', 'reviewer', 'officer'];

/** Registrars record, another person decides. */
export function orderRoutes(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const { cases, clock, documentAnchors } = context;

  app.post(
    '/v1/orders',
    {
      bodyLimit: apiLimits.orderBodyBytes,
      config: { access: ['registrar'] },
      schema: {
        summary: 'Record an order with its document',
        tags: ['orders'],
        body: recordOrderBody,
        response: { 201: orderStatusView, ...problemResponses },
      },
    },
    async (request, reply) => {
      const document = await readDocument(request.body.document, documentAnchors, clock.now());
      const orderId = uuidv7({ msecs: clock.now() });
      const given = { order: request.body.order, document, request: bodyOf(request) };
      const { result } = await act(context, request, (state, at, credential) =>
        refusable(async () => {
          const { details, keep } = await keptVersion(context, given, { orderId, number: 1 }, at);
          assertReference(state, details, at);
          const commitments = await keep();
          const entry = { kind: 'order.recorded' as const, subject: orderId, commitments, details };
          const order = nextOrder(undefined, { ...entry, at }, personOf(credential), 0);
          return { ok: true, entries: [entry], result: orderStatusOf(order, at) };
        }),
      );
      return reply.status(201).send(result);
    },
  );

  app.post(
    '/v1/orders/:orderId/amendment',
    {
      bodyLimit: apiLimits.orderBodyBytes,
      config: { access: ['registrar'] },
      schema: {
        summary: 'Record the next version of an order: it needs approval again',
        tags: ['orders'],
        params: orderParams,
        body: amendOrderBody,
        response: { 200: orderStatusView, ...problemResponses },
      },
    },
    async (request) => {
      const { orderId } = request.params;
      const document = await readDocument(request.body.document, documentAnchors, clock.now());
      const given = { order: request.body.order, document, request: bodyOf(request) };
      const { result } = await act(context, request, (state, at, credential) =>
        refusable(async () => {
          const version = { orderId, number: request.body.version + 1 };
          const { details, keep } = await keptVersion(context, given, version, at);
          const decision = decideAmendment(state, orderId, details, at);
          if (!decision.ok) return taken(state, at, credential, decision);
          assertReference(state, details, at);
          const entry = {
            kind: 'order.amended' as const,
            subject: orderId,
            commitments: await keep(),
            details,
          };
          return taken(state, at, credential, { ...decision, entry });
        }),
      );
      return result;
    },
  );

  app.get(
    '/v1/orders',
    {
      config: { access: statusReaders },
      schema: {
        summary: 'List the orders that the caller has to do with, newest first',
        tags: ['orders'],
        response: { 200: listOf(orderStatusView), ...problemResponses },
      },
    },
    async (request) =>
      recordReading(context, request, (state, at, credential) => {
        const { items, truncated } = listed(readableOrders(state, credential, at).toReversed());
        return { items: items.map((order) => orderStatusOf(order, at)), truncated };
      }),
  );

  app.get(
    '/v1/orders/:orderId',
    {
      config: { access: contentReaders },
      schema: {
        summary: 'Read an order',
        tags: ['orders'],
        params: orderParams,
        response: { 200: orderView, ...problemResponses },
      },
    },
    async (request) =>
      recordReading(context, request, async (state, at, credential) => {
        const order = findOrder(state, request.params.orderId, credential, at);
        const file = await getOrder(cases, order);
        return { ...orderStatusOf(order, at), order: { ...file.order }, document: file.document };
      }),
  );

  app.get(
    '/v1/orders/:orderId/document',
    {
      config: { access: contentReaders },
      schema: {
        summary: 'Fetch the document of an order',
        tags: ['orders'],
        params: orderParams,
        response: { 200: file(...mediaTypes.document), ...problemResponses },
      },
    },
    async (request, reply) => {
      const file = await recordReading(context, request, async (state, at, credential) => {
        const order = findOrder(state, request.params.orderId, credential, at);
        const { document } = await getOrder(cases, order);
        return { mediaType: document.mediaType, bytes: await getDocument(cases, order) };
      });
      return reply
        .type(file.mediaType)
        .header('content-disposition', 'attachment; filename="order"')
        .send(Buffer.from(file.bytes));
    },
  );

  orderEstimateRoute(root, context);
  orderStepRoutes(root, context);
}

/** @throws ApiError where the order names one to preserve that keeps nothing */
function assertReference(state: ControlState, details: DetailsOf<'order.recorded'>, at: string): void {
  if (!decideReference(state, details.preservedUnder, at)) throw new ApiError('order.preserved_under');
}

/** What the ledger says of a document's signature: not whose it is. */
function signatureDetails({ signature }: OrderDocument): DetailsOf<'order.recorded'>['documentSignature'] {
  const { state, reason } = signature;
  return { state, ...(reason ? { reason } : {}) };
}

/** Keeps the contents of a version of an order, and drafts the entry that commits to them. */
async function keptVersion(
  { cases, regimes }: ServiceContext,
  given: { readonly order: OrderDraft; readonly document: OrderDocument; readonly request: Uint8Array },
  version: { readonly orderId: string; readonly number: number },
  at: string,
): Promise<{ details: DetailsOf<'order.recorded'>; keep: () => Promise<Record<string, string>> }> {
  const checked = checkOrder(given.order, at, regimes);
  if (!checked.ok) throw new ApiError('order.invalid', { problems: checked.problems });
  const { order } = checked;
  const { orderId, number } = version;
  return {
    details: orderDetails(order, number, signatureDetails(given.document)),
    keep: () => putOrder(cases, { orderId, version: number }, order, given.document, given.request),
  };
}

/** A refusal that a step throws is its result: it is on record with it. */
async function refusable<T>(run: () => Promise<ActResult<T>>): Promise<ActResult<T>> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ApiError) return { ok: false, error };
    throw error;
  }
}
