import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { v7 as uuidv7 } from 'uuid';
import {
  type ControlState,
  type Credential,
  decideApproval,
  decideOrderReading,
  type OrderState,
  orderDetails,
  orderStatus,
  type Role,
  readableOrders,
} from '#shared/control';
import { checkOrder, orderLimits } from '#shared/orders';
import type { ServiceContext } from '../context.ts';
import { getDocument, getOrder, type OrderDocument, putOrder } from '../control/order-file.ts';
import { ApiError } from '../errors.ts';
import { type ActResult, act, type EntryDraft, recordReading } from '../http/act.ts';
import { bodyOf } from '../http/request-body.ts';
import { apiLimits, mediaTypes } from '../limits.ts';
import {
  binary,
  estimateView,
  listed,
  listOf,
  orderParams,
  orderStatusView,
  orderView,
  problemResponses,
  recordOrderBody,
  rejectBody,
} from './schemas.ts';

/** Who sees an order's status; its contents and document are for those who handle it. */
const statusReaders: readonly Role[] = ['registrar', 'reviewer', 'officer', 'auditor'];
const contentReaders: readonly Role[] = ['registrar', 'reviewer', 'officer'];

/** Registrars record, another person decides. */
export function orderRoutes(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const { cases, clock, store } = context;

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
      const document = readDocument(request.body.document);
      const { result } = await act(context, request, async (_state, at, credential) => {
        const checked = checkOrder(request.body.order, at);
        if (!checked.ok) {
          return { ok: false, error: new ApiError('order.invalid', { problems: checked.problems }) };
        }
        const { order } = checked;
        const orderId = uuidv7({ msecs: clock.now() });
        const details = orderDetails(order);
        const commitments = await putOrder(cases, orderId, order, document, bodyOf(request));
        const recordedBy = { thumbprint: credential.thumbprint, personId: credential.personId };
        return {
          ok: true,
          entries: [{ kind: 'order.recorded', subject: orderId, commitments, details }],
          result: viewOf({ orderId, details, commitments, recordedAt: at, recordedBy }, at),
        };
      });
      return reply.status(201).send(result);
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
        return { items: items.map((order) => viewOf(order, at)), truncated };
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
        return { ...viewOf(order, at), order: { ...file.order }, document: file.document };
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
        response: { 200: binary(...mediaTypes.document), ...problemResponses },
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
      const { order } = await recordReading(context, request, (state, at, credential) =>
        getOrder(cases, findOrder(state, request.params.orderId, credential, at)),
      );
      // After the step, not in it: a count may take minutes, and nobody else could act meanwhile.
      const scope = { ...order.scope, collectedUpTo: order.receivedAt };
      const counts = await store.countScope(scope, { now: clock.now() });
      return { counts, total: Object.values(counts).reduce((sum, count) => sum + count, 0) };
    },
  );

  app.post(
    '/v1/orders/:orderId/approval',
    {
      config: { access: ['reviewer'] },
      schema: {
        summary: 'Approve an order that another person recorded',
        tags: ['orders'],
        params: orderParams,
        response: { 200: orderStatusView, ...problemResponses },
      },
    },
    async (request) => {
      const { orderId } = request.params;
      const { result } = await act(context, request, async (state, at, credential) => {
        const decision = decideApproval(state, orderId, credential, at);
        if (!decision.ok) return { ok: false, error: new ApiError(decision.code) };
        // What is approved must be what was recorded: the file is opened and its digest checked.
        await getOrder(cases, decision.order);
        return decided(decision.order, 'Approved', at, {
          kind: 'order.approved',
          subject: orderId,
          details: { version: decision.order.details.version },
        });
      });
      return result;
    },
  );

  app.post(
    '/v1/orders/:orderId/rejection',
    {
      config: { access: ['reviewer'] },
      schema: {
        summary: 'Reject an order that another person recorded',
        tags: ['orders'],
        params: orderParams,
        body: rejectBody,
        response: { 200: orderStatusView, ...problemResponses },
      },
    },
    async (request) => {
      const { orderId } = request.params;
      const { result } = await act(context, request, (state, at, credential) => {
        const decision = decideApproval(state, orderId, credential, at);
        if (!decision.ok) return { ok: false, error: new ApiError(decision.code) };
        return decided(decision.order, 'Rejected', at, {
          kind: 'order.rejected',
          subject: orderId,
          details: { version: decision.order.details.version, reason: request.body.reason },
        });
      });
      return result;
    },
  );
}

type OrderView = ReturnType<typeof viewOf>;

function decided(
  order: OrderState,
  status: 'Approved' | 'Rejected',
  at: string,
  entry: EntryDraft,
): ActResult<OrderView> {
  return { ok: true, entries: [entry], result: { ...viewOf(order, at), status, decidedAt: at } };
}

function findOrder(state: ControlState, orderId: string, credential: Credential, at: string): OrderState {
  const decision = decideOrderReading(state, orderId, credential, at);
  if (!decision.ok) throw new ApiError(decision.code);
  return decision.order;
}

function viewOf(order: OrderState, at: string) {
  const { regimeVersion: _, ...details } = order.details;
  return {
    orderId: order.orderId,
    ...details,
    status: orderStatus(order, at),
    recordedAt: order.recordedAt,
    ...(order.decision ? { decidedAt: order.decision.at } : {}),
    ...(order.erasedAt === undefined ? {} : { erasedAt: order.erasedAt }),
  };
}

/** Decodes the document and checks that it is what it says it is, as far as its first bytes show. */
function readDocument(input: {
  mediaType: (typeof mediaTypes.document)[number];
  content: string;
}): OrderDocument {
  const bytes = Buffer.from(input.content, 'base64');
  const refuse = (sentence: string): ApiError =>
    new ApiError('order.document', { problems: [{ path: 'document', sentence }] });
  if (bytes.length > orderLimits.documentBytes)
    throw refuse(`the document has more than ${orderLimits.documentBytes} bytes`);
  const starts = bytes.subarray(0, 5).toString('latin1');
  const fits = {
    'application/pdf': starts === '%PDF-',
    'application/xml': /^(?:\xef\xbb\xbf)?\s*</.test(bytes.subarray(0, 64).toString('latin1')),
    'application/pkcs7-mime': bytes[0] === 0x30,
  }[input.mediaType];
  if (!fits) throw refuse(`the document is not ${input.mediaType}`);
  return { mediaType: input.mediaType, bytes };
}
