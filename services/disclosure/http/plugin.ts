import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { LedgerError } from '#shared/ledger';
import type { ServiceContext } from '../context.ts';
import { CaseFileError } from '../control/case-files.ts';
import { ApiError, type ErrorCode, problemDocument, statusOf } from '../errors.ts';
import { mediaTypes } from '../limits.ts';
import { recordRefusal } from './act.ts';
import { authenticate } from './authenticate.ts';
import { keepBodyBytes, parseBody } from './request-body.ts';

/** Fastify's own errors, by code, in our table. */
const fastifyErrors: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request.too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'request.media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'request.unreadable',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'request.malformed_json',
};

/** What every route shares: deny by default, signatures, refusals on record, problem documents. */
export function secure(app: FastifyInstance, context: ServiceContext): void {
  app.decorateRequest('authenticated', null);
  app.decorateRequest('bodyBytes', null);
  keepBodyBytes(app);

  app.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) {
      throw new Error(`route ${route.url} does not say who may call it`);
    }
  });

  app.addHook('onSend', async (_request, reply) => {
    reply.headers({
      'cache-control': reply.getHeader('cache-control') ?? 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
    });
  });

  app.addHook('preValidation', async (request) => {
    const allowed = request.routeOptions.config.access;
    if (allowed === 'public' || request.is404) return;
    if (Buffer.isBuffer(request.body)) request.bodyBytes = request.body;
    const outcome = await authenticate(request, allowed ?? [], context.control.state, context.clock);
    if (!outcome.ok) {
      request.authenticated = outcome.known ?? null;
      throw outcome.error;
    }
    request.authenticated = outcome.value;
    if (Buffer.isBuffer(request.body)) request.body = parseBody(request.body);
  });

  app.setNotFoundHandler(async (request, reply) =>
    answer(context, request, reply, new ApiError('request.not_found')),
  );
  app.setErrorHandler(async (error, request, reply) =>
    answer(context, request, reply, asApiError(error, context)),
  );
}

function asApiError(error: unknown, { logger }: ServiceContext): ApiError {
  if (error instanceof ApiError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const problems = error.validation.slice(0, 100).map(({ instancePath, message }) => ({
      path: instancePath.replace(/^\//, '').replaceAll('/', '.').slice(0, 200),
      sentence: (message ?? 'is invalid').slice(0, 200),
    }));
    return new ApiError('request.invalid', { problems });
  }
  if (error instanceof LedgerError) {
    logger.error({ code: error.code }, 'the ledger refused an entry');
    return new ApiError('ledger.unavailable');
  }
  if (error instanceof CaseFileError) {
    logger.error({ code: error.code }, 'a case file does not match the ledger');
    return new ApiError('order.case_file');
  }
  const code = (error as Partial<FastifyError>).code ?? 'unknown';
  const known = fastifyErrors[code];
  if (known) return new ApiError(known);
  const status = (error as Partial<FastifyError>).statusCode ?? 500;
  if (status < 500) return new ApiError('request.unreadable');
  logger.error({ code }, 'a request failed');
  return new ApiError('service.internal');
}

/** Answers a refusal, after it is on record: an entry of its own, or counted with the minute's noise. */
async function answer(
  context: ServiceContext,
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: ApiError,
): Promise<FastifyReply> {
  let error = refusal;
  if (!error.recorded && error.code !== 'ledger.unavailable') {
    try {
      if (request.authenticated) await recordRefusal(context, request, request.authenticated, error);
      else context.noise.add(error.code);
    } catch {
      // Log first: a refusal that cannot be recorded is not given.
      error = new ApiError('ledger.unavailable');
    }
  }
  return reply
    .status(statusOf(error.code))
    .type(mediaTypes.problem)
    .serializer(JSON.stringify)
    .send(problemDocument(error));
}
