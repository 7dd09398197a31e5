import { STATUS_CODES } from 'node:http';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { softwareVersion } from '#shared/runtime';
import { proofHeader } from '#shared/signed-request';
import { apiLimits, mediaTypes } from '../limits.ts';
import { answerHeaders, headerComponents, refusalComponents, refusals } from './openapi-answers.ts';

/** Name of the security scheme in the OpenAPI description. */
const proofScheme = 'griffieProof';

export const openApiDocument = {
  openapi: '3.1.0',
  info: {
    title: 'Griffie disclosure API',
    version: softwareVersion,
    description:
      'E-mail traffic data are released only against a recorded and approved order. Every answer that refuses is a problem document (RFC 9457) with a stable `code`.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  components: {
    securitySchemes: {
      [proofScheme]: {
        type: 'apiKey' as const,
        in: 'header' as const,
        name: proofHeader,
        description:
          'A compact JWS by an enrolled key, made anew for each request: header `typ: griffie-proof+jwt`, `alg`, `kid`; claims `iss`, `aud`, `htm`, `htu`, `iat`, `jti`, and `bdh`, the base64url SHA-256 of the exact body bytes. It lives 60 seconds and is used once.',
      },
    },
  },
};

/** Describes a route: its zod schemas as JSON Schema, who may call it, and how long its body may be. */
export const describeRoute: typeof jsonSchemaTransform = (input) => {
  const described = jsonSchemaTransform(input);
  const access = input.route?.config?.access;
  if (access === undefined || access === 'public') {
    return { ...described, schema: { ...described.schema, security: [] } };
  }
  const bytes = (input.route.bodyLimit ?? apiLimits.bodyBytes).toLocaleString('en');
  const bound = input.schema?.body ? ` The body has at most ${bytes} bytes.` : '';
  const description = `For credentials of role: ${access.join(', ')}.${bound}`;
  return { ...described, schema: { ...described.schema, description, security: [{ [proofScheme]: [] }] } };
};

const responseSchema = z.looseObject({
  $ref: z.string().optional(),
  'x-media-types': z.array(z.string()).optional(),
  'x-file': z.boolean().optional(),
});
const response = z.looseObject({
  description: z.string(),
  content: z.looseObject({ [mediaTypes.json]: z.object({ schema: responseSchema }).optional() }).optional(),
});
const bodySchema = z.looseObject({
  anyOf: z
    .array(z.looseObject({ type: z.string() }))
    .length(2)
    .optional(),
});
const requestBody = z.looseObject({
  required: z.boolean().optional(),
  content: z.looseObject({ [mediaTypes.json]: z.object({ schema: bodySchema }).optional() }),
});
const operation = z.looseObject({
  requestBody: requestBody.optional(),
  security: z.array(z.unknown()),
  responses: z.record(z.string(), response),
});
const description = z.looseObject({
  components: z.looseObject({}),
  paths: z.record(z.string(), z.record(z.string(), operation)),
});

/**
 * The whole description: the named schemas that routes refer to, each answer with its headers and under the
 * media types that it really has, which the generator does not know, and the refusals by status.
 */
export const describeAll: typeof jsonSchemaTransformObject = (input) => {
  const whole = jsonSchemaTransformObject(input);
  const { paths, components, ...rest } = description.parse(whole);
  for (const operations of Object.values(paths)) {
    for (const operation of Object.values(operations)) {
      if (operation.requestBody) describeBody(operation.requestBody);
      const granted = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
      operation.responses = {
        ...Object.fromEntries(granted.map(([status, answer]) => [status, describeAnswer(status, answer)])),
        ...refusals(operation.security.length === 0),
      } as typeof operation.responses;
    }
  }
  return {
    ...rest,
    components: { ...components, headers: headerComponents, responses: refusalComponents },
    paths,
  } as unknown as ReturnType<typeof jsonSchemaTransformObject>;
};

/** A body that may be null is one that may be left out: nothing that is sent is null. */
function describeBody(body: z.infer<typeof requestBody>): void {
  const json = body.content[mediaTypes.json];
  const [given, none] = json?.schema.anyOf ?? [];
  if (!json || !given || none?.type !== 'null') return;
  json.schema = given;
  body.required = false;
}

function describeAnswer(status: string, answer: z.infer<typeof response>): z.infer<typeof response> {
  const schema = answer.content?.[mediaTypes.json]?.schema;
  if (!schema) return answer;
  const { 'x-media-types': types = [mediaTypes.json], 'x-file': isFile = false, ...plain } = schema;
  return {
    description: STATUS_CODES[status] ?? 'OK',
    headers: answerHeaders(isFile),
    content: Object.fromEntries(types.map((type) => [type, { schema: plain }])),
  };
}
