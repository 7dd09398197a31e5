import { STATUS_CODES } from 'node:http';
import { errorTable } from '../errors.ts';
import { mediaTypes } from '../limits.ts';
import { securityHeaders } from './outside-routes.ts';

/*
 * The parts of the OpenAPI description that all answers share: their headers, and one refusal per status with
 * exactly the codes of the error table that have it.
 */

const reference = (kind: 'headers' | 'responses' | 'schemas', name: string) => ({
  $ref: `#/components/${kind}/${name}`,
});

interface Header {
  readonly description: string;
  readonly required: boolean;
  readonly schema: Readonly<Record<string, unknown>>;
}

const header = (description: string, schema: Header['schema'], required = true): Header => ({
  description,
  required,
  schema: { type: 'string', ...schema },
});

/** What those headers may be that a route sets itself. */
const setByRoutes: Readonly<Record<string, Header['schema']>> = {
  'cache-control': { enum: ['no-store', 'max-age=1'] },
  'content-security-policy': { pattern: "^default-src 'none'; [a-z'; -]+$" },
};

const everyAnswer: Readonly<Record<string, Header>> = Object.fromEntries(
  Object.entries(securityHeaders).map(([name, value]) => [
    name,
    header('On every answer', setByRoutes[name] ?? { const: value }),
  ]),
);
const retryAfter = header('Whole seconds to wait', { pattern: '^[1-9][0-9]*$' }, false);
const contentDisposition = header('The body is a file', {
  pattern: '^attachment; filename="[A-Za-z0-9.-]+"$',
});

/** `components.headers` of the description. */
export const headerComponents: Readonly<Record<string, Header>> = {
  ...everyAnswer,
  'retry-after': retryAfter,
  'content-disposition': contentDisposition,
};

const headersOf = (...names: string[]) =>
  Object.fromEntries(
    [...Object.keys(everyAnswer), ...names].map((name) => [name, reference('headers', name)]),
  );

/** Headers of an answer that is no refusal. */
export const answerHeaders = (isFile: boolean) => headersOf(...(isFile ? ['content-disposition'] : []));

/** Codes of the error table by their status. */
const codesByStatus = new Map<number, string[]>();
for (const [code, { status }] of Object.entries(errorTable)) {
  codesByStatus.set(status, [...(codesByStatus.get(status) ?? []), code]);
}

/** Codes that need no route: what is no request of this API, and a service that cannot answer now. */
const isOfNoRoute = (code: string): boolean => /^(request|service)\./.test(code);

/** `components.responses` of the description: a refusal for each status. */
export const refusalComponents = Object.fromEntries(
  [...codesByStatus].map(([status, codes]) => [
    `Refused${status}`,
    {
      description: `${STATUS_CODES[status]}: a problem document`,
      headers: headersOf(
        ...(codes.includes('request.rate') || codes.includes('service.busy') ? ['retry-after'] : []),
      ),
      content: {
        [mediaTypes.problem]: {
          schema: {
            allOf: [reference('schemas', 'Problem')],
            properties: { status: { const: status }, code: { enum: codes } },
          },
        },
      },
    },
  ]),
);

/**
 * The refusals of an operation, for its `responses`.
 * @param isPublic whether it asks for no signed request, so that nothing is decided about anybody
 */
export function refusals(isPublic: boolean): Readonly<Record<string, { readonly $ref: string }>> {
  const statuses = [...codesByStatus].filter(([, codes]) => !isPublic || codes.some(isOfNoRoute));
  return Object.fromEntries(
    statuses.map(([status]) => [String(status), reference('responses', `Refused${status}`)]),
  );
}
