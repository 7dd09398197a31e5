import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { holdDetails } from '#shared/control';
import { targetKinds } from '#shared/orders';
import { holdTaskSchema } from '#shared/retention';
import { categoryIds, utcTimestamp } from '#shared/traffic';
import type { ServiceContext } from '../context.ts';
import { holdScope, holdTasks, placeHolds } from '../control/holds.ts';
import { ApiError } from '../errors.ts';
import { recordReading } from '../http/act.ts';
import { orderParams } from './order-schemas.ts';
import type { AppendOnExpiry } from './retention.ts';
import { problemResponses } from './schemas.ts';

const task = holdTaskSchema.meta({ id: 'HoldTask' });

const scopeView = z
  .object({
    version: z.int(),
    scope: z.object({
      targets: z.array(
        z.object({ kind: z.enum(targetKinds), value: z.string(), subaddresses: z.literal(true).optional() }),
      ),
      from: utcTimestamp,
      to: utcTimestamp,
      categories: z.array(z.enum(categoryIds)),
      collectedUpTo: utcTimestamp,
    }),
  })
  .meta({ id: 'HoldScope' });

const done = z.object({ recorded: z.literal(true) });

/** For the retention service as a process of its own: what it copies for orders, and what it says of that. */
export function retentionHoldRoutes(
  root: FastifyInstance,
  context: ServiceContext,
  append: AppendOnExpiry,
): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const tags = ['retention'];
  const answers = { 200: done, ...problemResponses };
  const params = orderParams;

  app.get(
    '/v1/retention/holds',
    {
      config: { access: ['retention'] },
      schema: {
        summary: 'List holds that are not removed',
        tags,
        response: { 200: z.object({ items: z.array(task) }), ...problemResponses },
      },
    },
    async (request) => {
      await placeHolds(context.control);
      return recordReading(context, request, (state, at) => ({ items: holdTasks(state, at) }));
    },
  );

  app.get(
    '/v1/retention/holds/:orderId/scope',
    {
      config: { access: ['retention'] },
      schema: {
        summary: 'What is to be copied for an order',
        tags,
        params,
        response: { 200: scopeView, ...problemResponses },
      },
    },
    async (request) =>
      recordReading(context, request, async (state, at) => {
        const found = await holdScope(context.cases, state, request.params.orderId, at);
        if (found === null) throw new ApiError('hold.none');
        const { version, scope } = found;
        return {
          version,
          scope: { ...scope, targets: [...scope.targets], categories: [...scope.categories] },
        };
      }),
  );

  app.post(
    '/v1/retention/holds/:orderId/copied',
    {
      config: { access: ['retention'] },
      schema: {
        summary: 'Record that what an order keeps is copied',
        tags,
        params,
        body: holdDetails['hold.copied'],
        response: answers,
      },
    },
    async (request) =>
      append(request, { kind: 'hold.copied', subject: request.params.orderId, details: request.body }),
  );

  app.post(
    '/v1/retention/holds/:orderId/ended',
    {
      config: { access: ['retention'] },
      schema: {
        summary: 'Record that a hold is over, before what it held is removed',
        tags,
        params,
        body: holdDetails['hold.ended'],
        response: answers,
      },
    },
    async (request) =>
      append(request, { kind: 'hold.ended', subject: request.params.orderId, details: request.body }),
  );

  app.post(
    '/v1/retention/holds/:orderId/deleted',
    {
      config: { access: ['retention'] },
      schema: {
        summary: 'Record that what a hold held is gone',
        tags,
        params,
        body: holdDetails['hold.deleted'],
        response: answers,
      },
    },
    async (request) =>
      append(request, { kind: 'hold.deleted', subject: request.params.orderId, details: request.body }),
  );
}
