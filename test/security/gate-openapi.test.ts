import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { apiLimits, errorTable } from '#services/disclosure';
import { startTestService, type TestService } from '../support/test-service.ts';

const media = z.record(z.string(), z.looseObject({ schema: z.record(z.string(), z.unknown()) }));
const reference = z.strictObject({ $ref: z.string() });
const headers = z.record(z.string(), reference);
const answer = z.strictObject({ description: z.string().min(1), headers, content: media });
/** The parts of an OpenAPI 3.1 description that are looked at here, and what must be in them. */
const descriptionSchema = z.looseObject({
  openapi: z.string().regex(/^3\.1\.\d+$/),
  info: z.looseObject({ title: z.string().min(1), version: z.string().min(1) }),
  paths: z.record(
    z.string().startsWith('/'),
    z.partialRecord(
      z.enum(['get', 'post']),
      z.strictObject({
        summary: z.string().min(1),
        description: z.string().optional(),
        tags: z.array(z.string()),
        parameters: z
          .array(
            z.strictObject({
              name: z.string(),
              in: z.enum(['path', 'header']),
              required: z.boolean().optional(),
              description: z.string().optional(),
              schema: z.record(z.string(), z.unknown()),
            }),
          )
          .optional(),
        requestBody: z.strictObject({ required: z.boolean(), content: media }).optional(),
        security: z.array(z.record(z.string(), z.array(z.string()))),
        responses: z.record(z.string().regex(/^[1-5]\d\d$/), z.union([answer, reference])),
      }),
    ),
  ),
  components: z.looseObject({
    schemas: z.record(z.string(), z.record(z.string(), z.unknown())),
    responses: z.record(z.string().regex(/^Refused[45]\d\d$/), answer),
    headers: z.record(z.string(), z.looseObject({ required: z.boolean(), schema: z.looseObject({}) })),
    securitySchemes: z.record(z.string(), z.looseObject({ type: z.string() })),
  }),
});
type Description = z.infer<typeof descriptionSchema>;

describe('the OpenAPI description', () => {
  let t: TestService;
  let json: unknown;
  let description: Description;
  const operations = () =>
    Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );

  beforeAll(async () => {
    t = await startTestService();
    const answer = await t.anonymous('GET', '/openapi.json');
    expect(answer.status).toBe(200);
    json = JSON.parse(answer.bytes.toString());
    description = descriptionSchema.parse(json);
  });
  afterAll(() => t.stop());

  it('refers to nothing that is not in it', () => {
    const references = [...JSON.stringify(json).matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to ?? '');
    expect(references.length).toBeGreaterThan(30);
    for (const to of new Set(references)) {
      const [, kind = '', name = ''] = /^#\/components\/(schemas|responses|headers)\/([^/]+)$/.exec(to) ?? [];
      expect(Object.keys(Reflect.get(description.components, kind) as object), to).toContain(name);
    }
  });

  it('has JSON Schemas of draft 2020-12 that compile', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({
      $id: 'https://griffie.example.nl/api',
      components: { schemas: description.components.schemas },
    });
    const text = (schema: unknown): unknown =>
      JSON.parse(
        JSON.stringify(schema).replaceAll('"#/components', '"https://griffie.example.nl/api#/components'),
      );
    const bodies = operations().map(({ operation }) => [
      operation.requestBody?.content,
      ...Object.values(operation.responses).map((each) => ('content' in each ? each.content : undefined)),
    ]);
    const refused = Object.values(description.components.responses).map(({ content }) => content);
    for (const contents of [...bodies, refused]) {
      for (const content of contents) {
        for (const { schema } of Object.values(content ?? {})) {
          expect(() => ajv.compile(text(schema) as object)).not.toThrow();
        }
      }
    }
  });

  it('lists every route that there is, and each parameter of its path', () => {
    const listed = operations().map(({ path, method }) => `${method.toUpperCase()} ${path}`);
    expect(listed.sort()).toEqual(
      [
        'GET /health',
        'GET /ledger/checkpoint',
        'GET /ledger/rotation/{n}',
        'GET /ledger/tile/entries/{*}',
        'GET /ledger/tile/{*}',
        'GET /ledger/timestamps/{name}',
        'GET /ledger/witnessed',
        'GET /openapi.json',
        'GET /passkeys',
        'GET /passkeys.js',
        'POST /v1/nonces',
        'GET /v1/authorities',
        'GET /v1/credentials',
        'GET /v1/disclosures/{disclosureId}',
        'GET /v1/disclosures/{disclosureId}/package',
        'GET /v1/disclosures/{disclosureId}/progress',
        'GET /v1/ledger/entries/{first}/{end}',
        'GET /v1/orders',
        'GET /v1/orders/{orderId}',
        'GET /v1/orders/{orderId}/document',
        'GET /v1/orders/{orderId}/estimate',
        'GET /v1/service',
        'POST /v1/credentials',
        'POST /v1/credentials/rotation',
        'POST /v1/credentials/{thumbprint}/confirmation',
        'POST /v1/credentials/{thumbprint}/revocation',
        'POST /v1/disclosures',
        'POST /v1/disclosures/{disclosureId}/cancellation',
        'POST /v1/ledger/search',
        'POST /v1/orders',
        'POST /v1/orders/{orderId}/amendment',
        'POST /v1/orders/{orderId}/approval',
        'POST /v1/orders/{orderId}/clarification',
        'POST /v1/orders/{orderId}/clarification-answer',
        'POST /v1/orders/{orderId}/erasure',
        'POST /v1/orders/{orderId}/follow-up',
        'POST /v1/orders/{orderId}/notification-answer',
        'POST /v1/orders/{orderId}/rejection',
        'POST /v1/orders/{orderId}/resumption',
        'POST /v1/orders/{orderId}/revocation',
        'POST /v1/orders/{orderId}/suspension',
        'GET /v1/holds',
        'POST /v1/orders/{orderId}/hold-extension',
        'POST /v1/orders/{orderId}/hold-lifting',
        'GET /v1/retention',
        'GET /v1/retention/holds',
        'GET /v1/retention/holds/{orderId}/scope',
        'POST /v1/retention/holds/{orderId}/copied',
        'POST /v1/retention/holds/{orderId}/deleted',
        'POST /v1/retention/holds/{orderId}/ended',
        'POST /v1/retention/alarms',
        'POST /v1/retention/certificates',
        'POST /v1/retention/keys',
        'POST /v1/retention/keys/destroyed',
        'POST /v1/retention/keys/retired',
        'POST /v1/retention/policy',
        'POST /v1/retention/runs',
        'POST /v1/retention/sums',
      ].sort(),
    );
    // The router's own list, so that a new route cannot be left out above; it prints both wildcards as one.
    const routes = t.service.app.printRoutes({ commonPrefix: false });
    const methods = [...routes.matchAll(/\(([A-Z, ]+)\)/g)].flatMap(([, names]) => names?.split(', '));
    expect(methods).toHaveLength(listed.length - 1);
    for (const { path, operation } of operations()) {
      const named = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name);
      const inPath = (operation.parameters ?? []).filter((each) => each.in === 'path' && each.required);
      expect(inPath.map(({ name }) => name)).toEqual(named);
    }
  });

  it('names the header in which certificates come, and no other', () => {
    const inHeader = operations().flatMap(({ path, operation }) =>
      (operation.parameters ?? []).filter((each) => each.in === 'header').map(({ name }) => [path, name]),
    );
    expect(inHeader).toEqual([['/v1/credentials', 'Griffie-Certificates']]);
  });

  it('asks for the body where there is one; only the approval of a first version goes without', () => {
    const optional = operations().filter(({ operation }) => operation.requestBody?.required === false);
    expect(optional.map(({ path }) => path)).toEqual(['/v1/orders/{orderId}/approval']);
    expect(JSON.stringify(optional)).not.toContain('"null"');
  });

  it('says how long each body may be', () => {
    const bounds = operations().flatMap(({ path, operation }) =>
      operation.requestBody
        ? [[path, /at most ([\d,]+) bytes\./.exec(operation.description ?? '')?.[1]]]
        : [],
    );
    expect(new Set(bounds.map(([, bound]) => bound))).toEqual(
      new Set([apiLimits.bodyBytes, apiLimits.orderBodyBytes].map((bytes) => bytes.toLocaleString('en'))),
    );
  });

  it('asks for a signed request everywhere but on what is public, and refuses with problem documents', () => {
    const open = [
      '/health',
      '/v1/service',
      '/openapi.json',
      '/passkeys',
      '/passkeys.js',
      '/v1/nonces',
      '/ledger/checkpoint',
      '/ledger/rotation/{n}',
      '/ledger/timestamps/{name}',
      '/ledger/witnessed',
      '/ledger/tile/{*}',
    ];
    expect(description.components.securitySchemes).toMatchObject({
      griffieProof: { type: 'apiKey', in: 'header', name: 'Griffie-Proof' },
    });
    const statuses = [...new Set(Object.values(errorTable).map(({ status }) => status))].sort();
    const refusedBy = (responses: object): number[] =>
      Object.entries(responses).flatMap(([status, to]) =>
        to.$ref === `#/components/responses/Refused${status}` ? [Number(status)] : [],
      );
    for (const { path, operation } of operations()) {
      const isPublic = open.includes(path);
      expect(operation.security, path).toEqual(isPublic ? [] : [{ griffieProof: [] }]);
      if (isPublic) continue;
      expect(operation.description, path).toMatch(/^For credentials of role: /);
      expect(refusedBy(operation.responses), path).toEqual(statuses);
    }
  });

  it('names every error of the table, under its status', () => {
    const problem = z.object({
      schema: z.object({ properties: z.object({ code: z.object({ enum: z.array(z.string()) }) }) }),
    });
    const named = Object.entries(description.components.responses).flatMap(([name, { content }]) => {
      expect(Object.keys(content)).toEqual(['application/problem+json']);
      const { schema } = problem.parse(content['application/problem+json']);
      return schema.properties.code.enum.map((code) => [code, Number(name.replace('Refused', ''))]);
    });
    const table = Object.entries(errorTable).map(([code, { status }]) => [code, status]);
    expect(named.sort()).toEqual(table.sort());
  });

  it('and the routes do what it says: those that ask for a signature answer 401 without one', async () => {
    const id = '01890000-0000-7000-8000-000000000000';
    for (const { path, method, operation } of operations()) {
      const url = path
        .replace('{thumbprint}', 'a'.repeat(43))
        .replace('{*}', '000')
        .replace(/\{[^}]+\}/, id);
      const answer = await t.anonymous(method === 'get' ? 'GET' : 'POST', url);
      if (operation.security.length > 0) expect([path, answer.status]).toEqual([path, 401]);
      else expect([200, 404]).toContain(answer.status);
    }
  });
});
