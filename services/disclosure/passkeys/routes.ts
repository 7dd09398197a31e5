import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { utc } from '#shared/runtime';
import { utcTimestamp } from '#shared/traffic';
import type { ServiceContext } from '../context.ts';
import { binary, problemResponses } from '../routes/schemas.ts';
import { pageHtml, pageScript } from './page.ts';

const nonceView = z
  .object({
    /** Taken as `jti` of a signed request: by passkeys always, by others whose clock is wrong. */
    nonce: z.string(),
    /** The service's clock. */
    now: utcTimestamp,
  })
  .meta({ id: 'Nonce' });

const pageTypes = { html: 'text/html; charset=utf-8', script: 'text/javascript; charset=utf-8' } as const;
/** The page runs the service's own script and talks to the service alone. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** What a browser needs to sign with a passkey: nonces, and a small page that does it. */
export function passkeyRoutes(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const tags = ['passkeys'];

  app.post(
    '/v1/nonces',
    {
      config: { access: 'public' },
      schema: {
        summary: 'A nonce for one signed request, good for two minutes',
        tags,
        response: { 200: nonceView, ...problemResponses },
      },
    },
    async () => ({ nonce: context.nonces.make(), now: utc(context.clock.now()) }),
  );

  for (const [path, type, text] of [
    ['/passkeys', pageTypes.html, pageHtml],
    ['/passkeys.js', pageTypes.script, pageScript],
  ] as const) {
    app.get(
      path,
      {
        config: { access: 'public' },
        schema: {
          summary: 'A page to register a passkey, and to sign with it',
          tags,
          response: { 200: binary(type), ...problemResponses },
        },
      },
      async (_request, reply) =>
        reply.header('content-security-policy', pagePolicy).type(type).send(Buffer.from(text)),
    );
  }
}
