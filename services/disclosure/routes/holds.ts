import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  type ControlState,
  decideHoldExtension,
  decideHoldLifting,
  type HoldState,
  holdEndReasons,
  holdExtensions,
  holdLiftings,
  holdOver,
  holdUntil,
  type Role,
} from '#shared/control';
import { utcTimestamp } from '#shared/traffic';
import type { ServiceContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { act, recordReading } from '../http/act.ts';
import { idSchema } from './members.ts';
import { orderParams } from './order-schemas.ts';
import { listed, listOf, problemResponses } from './schemas.ts';

const extendBody = z.strictObject({ reason: z.enum(holdExtensions) });
const liftBody = z.strictObject({ reason: z.enum(holdLiftings) });

/** How a hold stands: counts and times, nothing of what is held. */
const holdView = z
  .object({
    orderId: idSchema,
    regime: z.string(),
    type: z.enum(['produce', 'preserve']),
    /** What had expired by then is not held. */
    since: utcTimestamp,
    /** Last instant at which it may be read, as things stand. */
    until: utcTimestamp,
    extensions: z.int(),
    confirmedAt: utcTimestamp.optional(),
    /** When all that was there was copied, and how many records that were. */
    copiedAt: utcTimestamp.optional(),
    copiedRecords: z.int().optional(),
    /** Why it is over. */
    over: z.enum(holdEndReasons).optional(),
    /** When it was certified that nothing of it is there any more. */
    deletedAt: utcTimestamp.optional(),
  })
  .meta({ id: 'Hold' });

const readers: readonly Role[] = ['registrar', 'reviewer', 'auditor'];

/** What orders hold: another person than the one who recorded the order makes it longer, or ends it. */
export function holdRoutes(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const tags = ['holds'];

  app.get(
    '/v1/holds',
    {
      config: { access: readers },
      schema: {
        summary: 'List what orders hold, newest first: times and counts, never records',
        tags,
        response: { 200: listOf(holdView), ...problemResponses },
      },
    },
    async (request) =>
      recordReading(context, request, (state, at) => {
        const { items, truncated } = listed([...state.holds.values()].toReversed());
        return { items: items.flatMap((hold) => viewOf(state, hold, at)), truncated };
      }),
  );

  app.post(
    '/v1/orders/:orderId/hold-extension',
    {
      config: { access: ['reviewer'] },
      schema: {
        summary: 'Have an order to preserve that other people recorded keep for longer',
        tags,
        params: orderParams,
        body: extendBody,
        response: { 200: holdView, ...problemResponses },
      },
    },
    async (request) => {
      const { orderId: subject } = request.params;
      const { reason } = request.body;
      const { result } = await act(context, request, (state, at, credential) => {
        const decision = decideHoldExtension(state, subject, credential, at, reason);
        if (!decision.ok) return { ok: false, error: new ApiError(decision.code) };
        const details = { reason, until: decision.until };
        return { ok: true, entries: [{ kind: 'hold.extended', subject, details }], result: at };
      });
      return stateOf(context.control.state, subject, result);
    },
  );

  app.post(
    '/v1/orders/:orderId/hold-lifting',
    {
      config: { access: ['reviewer'] },
      schema: {
        summary: 'End what an order holds that other people recorded: it is gone then',
        tags,
        params: orderParams,
        body: liftBody,
        response: { 200: holdView, ...problemResponses },
      },
    },
    async (request) => {
      const { orderId: subject } = request.params;
      const { result } = await act(context, request, (state, at, credential) => {
        const decision = decideHoldLifting(state, subject, credential, at);
        if (!decision.ok) return { ok: false, error: new ApiError(decision.code) };
        return {
          ok: true,
          entries: [{ kind: 'hold.lifted', subject, details: request.body }],
          result: at,
        };
      });
      return stateOf(context.control.state, subject, result);
    },
  );
}

function stateOf(state: Readonly<ControlState>, orderId: string, at: string): z.infer<typeof holdView> {
  const hold = state.holds.get(orderId);
  const [view] = hold === undefined ? [] : viewOf(state, hold, at);
  if (view === undefined) throw new ApiError('service.internal');
  return view;
}

function viewOf(state: Readonly<ControlState>, hold: HoldState, at: string): z.infer<typeof holdView>[] {
  const order = state.orders.get(hold.orderId);
  if (order === undefined) return [];
  const { orderId, since, extensions, confirmedAt, copied, ended, deleted } = hold;
  const over = ended?.reason ?? holdOver(state, order, at);
  return [
    {
      orderId,
      regime: order.details.regime,
      type: order.details.type,
      since,
      until: holdUntil(state, order),
      extensions,
      ...(confirmedAt === undefined ? {} : { confirmedAt }),
      ...(copied === undefined ? {} : { copiedAt: copied.at, copiedRecords: copied.records }),
      ...(over === null ? {} : { over }),
      ...(deleted === undefined ? {} : { deletedAt: deleted.at }),
    },
  ];
}
