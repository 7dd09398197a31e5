import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { softwareVersion } from '#shared/runtime';
import type { ServiceContext } from '../context.ts';
import { problemResponses } from './schemas.ts';

const serviceView = z
  .object({
    name: z.literal('griffie'),
    version: z.string(),
    /** `aud` of signed requests. */
    audience: z.string(),
    retentionPeriod: z.string(),
    /** Verifies the manifests of packages. Pin it from a channel that you trust, not from here. */
    manifestKey: z.record(z.string(), z.string()),
    /** Verifies the ledger's checkpoints. The same holds. */
    ledgerKey: z.string(),
  })
  .meta({ id: 'Service' });

/** What everyone may know: that the service is up, what it is, and how it is described. */
export function publicRoutes(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();

  app.get(
    '/health',
    {
      config: { access: 'public' },
      schema: {
        summary: 'Whether the service answers',
        tags: ['service'],
        response: { 200: z.object({ status: z.literal('ok') }), ...problemResponses },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/v1/service',
    {
      config: { access: 'public' },
      schema: {
        summary: 'The service and its public keys',
        tags: ['service'],
        response: { 200: serviceView, ...problemResponses },
      },
    },
    async () => {
      const { configuration } = context.control.state;
      return {
        name: 'griffie' as const,
        version: softwareVersion,
        audience: configuration?.audience ?? '',
        retentionPeriod: configuration?.retentionPeriod ?? '',
        manifestKey: configuration?.manifestKey ?? {},
        ledgerKey: context.ledgerKey,
      };
    },
  );

  app.get(
    '/openapi.json',
    {
      config: { access: 'public' },
      schema: {
        summary: 'This description',
        tags: ['service'],
        response: { 200: z.record(z.string(), z.unknown()), ...problemResponses },
      },
    },
    async () => ({ ...root.swagger() }),
  );
}
