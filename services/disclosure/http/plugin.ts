import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { CaseFileError } from '#shared/case-files';
import { LedgerError } from '#shared/ledger';
import { StoreError } from '#shared/store';
import type { ServiceContext } from '../context.ts';
import { ClockError } from '../control/control-plane.ts';
import { ApiError, type ErrorCode, problemDocument, statusOf } from '../errors.ts';
import { mediaTypes } from '../limits.ts';
import { recordRefusal } from './act.ts';
import { authenticate, bodyIsAsSigned } from './authenticate.ts';
import type { Guard } from './guard.ts';
import { securityHeaders } from './outside-routes.ts';
import { keepBodyBytes, parseBody } from './request-body.ts';
import { problemOfIssue, urlProblem } from './validation.ts';

/** Fastify's own errors, by code, in our table. */
const fastifyErrors: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request.too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'request.media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'request.unreadable',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'request.malformed_json',
};

/** Problems that one answer names. */
const maxProblems = 100;
/** Answers about a ledger that cannot be written; it would not take their entries either. */
const ledgerFaults: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['ledger.unavailable', 'ledger.in_doubt']);

/** What every route shares: deny by default, signatures, refusals on record, problem documents. */
export function secure(app: FastifyInstance, context: ServiceContext, guard: Guard): void {
  app.decorateRequest('authenticated', null);
  app.decorateRequest('known', null);
  app.decorateRequest('head', null);
  app.decorateRequest('bodyBytes', null);
  app.decorateRequest('refusal', null);
  keepBodyBytes(app);

  app.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) {
      throw new Error(`route ${route.url} does not say who may call it`);
    }
  });

  app.addHook('onSend', async (_request, reply) => {
    for (const [name, value] of Object.entries(securityHeaders)) {
      if (!reply.hasHeader(name)) reply.header(name, value);
    }
  });

  app.addHook('onRequest', async (request, reply) => {
    guard.admit(request);
    const allowed = request.routeOptions.config.access;
    if (allowed === 'public' || request.is404) return;
    const outcome = await authenticate(request, allowed ?? [], context);
    const known = outcome.ok ? outcome.value : (outcome.known ?? null);
    const problem = urlProblem(request);
    // The proof quotes the URL: one that is not the route's own could name anybody, and is no evidence.
    request.known = known && problem ? { ...known, proof: null } : known;
    if (!outcome.ok) throw outcome.error;
    if (problem) throw new ApiError('request.invalid', { problems: [problem] });
    request.head = outcome.value;
    // Until the body has come and is the one that was signed, a refusal uses nothing up.
    request.known = { ...outcome.value, proof: null };
    guard.hold(request, reply, outcome.value.credential.thumbprint);
  });

  app.addHook('preValidation', async (request) => {
    const { head } = request;
    if (!head) return;
    if (Buffer.isBuffer(request.body)) request.bodyBytes = request.body;
    if (!bodyIsAsSigned(request, head)) throw new ApiError('proof.body');
    guard.prove(request, head.credential.thumbprint);
    request.known = head;
    request.authenticated = head;
    if (request.bodyBytes) request.body = parseBody(request.bodyBytes);
    if (request.bodyBytes && !request.routeOptions.schema?.body) {
      throw new ApiError('request.invalid', { problems: [{ path: '', sentence: 'takes no body' }] });
    }
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
    const problems = error.validation.slice(0, maxProblems).map(problemOfIssue);
    return new ApiError('request.invalid', { problems });
  }
  if (error instanceof LedgerError) {
    logger.error({ code: error.code }, 'the ledger refused an entry');
    return new ApiError(error.code === 'ledger.in_doubt' ? 'ledger.in_doubt' : 'ledger.unavailable');
  }
  if (error instanceof ClockError) {
    logger.error({ code: error.code }, 'the clock reads earlier than the ledger');
    return new ApiError(error.code);
  }
  if (error instanceof StoreError) {
    logger.error({ code: error.code }, 'the store did not answer');
    return new ApiError(error.retriable ? 'store.unavailable' : 'service.internal');
  }
  if (error instanceof CaseFileError) {
    if (error.code === 'case_file.erased') return new ApiError('order.erased');
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
  if (!error.recorded && !ledgerFaults.has(error.code)) {
    const { known } = request;
    try {
      if (known && context.refusals.isWorthAnEntry(known.text, known.credential.thumbprint)) {
        error = await recordRefusal(context, request, known, error);
      } else context.noise.add(error.code);
    } catch {
      // Log first: a refusal that cannot be recorded is not given.
      error = new ApiError('ledger.unavailable');
    }
  }
  request.refusal = error.code;
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', error.retryAfterSeconds);
  return reply
    .status(statusOf(error.code))
    .type(mediaTypes.problem)
    .serializer(JSON.stringify)
    .send(problemDocument(error));
}
