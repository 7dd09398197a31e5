import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseStrictJson } from '#shared/runtime';
import { ApiError } from '../errors.ts';
import { mediaTypes } from '../limits.ts';

/** The body's exact bytes, as they were signed; none where the request has no body. */
export function bodyOf(request: FastifyRequest): Uint8Array {
  return request.bodyBytes ?? new Uint8Array();
}

/**
 * Keeps the body's exact bytes until their digest was compared with the signed one: nothing is parsed
 * before. JSON only; any other media type is refused by Fastify.
 */
export function keepBodyBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(mediaTypes.json, { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
}

/** The body's JSON, read strictly. */
export function parseBody(bytes: Uint8Array): unknown {
  const value = readJson(bytes);
  if (value === undefined) throw new ApiError('request.malformed_json');
  return value;
}

/** Strict JSON, or undefined where the bytes are none. */
export function readJson(bytes: Uint8Array): unknown {
  const parsed = parseStrictJson(bytes);
  return parsed.ok ? parsed.value : undefined;
}
