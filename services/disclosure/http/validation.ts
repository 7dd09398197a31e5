import type { FastifyRequest, FastifySchemaValidationError } from 'fastify';
import { z } from 'zod';
import type { Problem } from '../errors.ts';

/**
 * A zod issue as a problem: where, and what to do. Names of unknown members are what somebody sent, so that
 * neither the path nor the sentence has them.
 */
export function problemOfIssue({ keyword, instancePath, message }: FastifySchemaValidationError): Problem {
  const path = instancePath.replace(/^\//, '').replaceAll('/', '.').slice(0, 200);
  const sentence =
    keyword === 'unrecognized_keys' ? 'has a member that is not known' : (message ?? 'is invalid');
  return { path, sentence: sentence.slice(0, 200) };
}

/** What of the URL is not the route's own: a query, which none has, or parameters of another form. */
export function urlProblem(request: FastifyRequest): Problem | null {
  if (request.raw.url?.includes('?')) return { path: 'query', sentence: 'is not taken; leave it out' };
  const params = request.routeOptions.schema?.params;
  if (!(params instanceof z.ZodType)) return null;
  const issue = params.safeParse(request.params).error?.issues[0];
  return issue ? { path: issue.path.join('.'), sentence: issue.message } : null;
}
