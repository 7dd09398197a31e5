import { z } from 'zod';

const headers = z.record(z.string(), z.unknown());
const content = z.record(z.string(), z.unknown());
const answer = z.looseObject({
  $ref: z.string().optional(),
  headers: headers.optional(),
  content: content.optional(),
});
/** The parts of the OpenAPI description that say what an answer looks like from outside. */
const description = z.looseObject({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({ description: z.string().optional(), responses: z.record(z.string(), answer) }),
    ),
  ),
  components: z.looseObject({ responses: z.record(z.string(), answer) }),
});

export interface DescribedOperation {
  /** `GET /v1/orders/{orderId}` */
  readonly label: string;
  /** Who may call it; none where it is public. */
  readonly roles: readonly string[];
  /** What of an answer is not described: the status, the media type, a header. */
  undescribed(status: number, headers: Readonly<Record<string, unknown>>): readonly string[];
}

/** HTTP's own, which say nothing of the API. */
const transportHeaders = new Set([
  'connection',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'transfer-encoding',
]);

/** Finds the operation that a request is for, by the description alone. */
export function describedApi(
  json: unknown,
): (method: string, target: string) => DescribedOperation | undefined {
  const { paths, components } = description.parse(json);
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { description: text = '', responses }]) => ({
      method: method.toUpperCase(),
      pattern: new RegExp(
        `^${path
          .replaceAll('.', '\\.')
          .replaceAll('{*}', '.+')
          .replace(/\{[^}]+\}/g, '[^/]+')}$`,
      ),
      operation: {
        label: `${method.toUpperCase()} ${path}`,
        roles: /^For credentials of role: ([^.]*)\./.exec(text)?.[1]?.split(', ') ?? [],
        undescribed: (status: number, sent: Readonly<Record<string, unknown>>) => {
          const described = responses[status];
          if (!described) return [`status ${status}`];
          const { headers: known = {}, content: types = {} } =
            components.responses[described.$ref?.split('/').at(-1) ?? ''] ?? described;
          const type = String(sent['content-type']);
          const isKnown =
            type in types || (type.split(';')[0] === 'application/json' && 'application/json' in types);
          const names = Object.keys(sent).filter((name) => !transportHeaders.has(name) && !(name in known));
          return [...(isKnown ? [] : [`media type ${type}`]), ...names.map((name) => `header ${name}`)];
        },
      },
    })),
  );
  return (method, target) => {
    const [path = ''] = target.split('?');
    // Of two that fit, the longer pattern is the one without the wildcard's reach.
    return operations
      .filter((each) => each.method === method && each.pattern.test(path))
      .sort((a, b) => b.pattern.source.length - a.pattern.source.length)[0]?.operation;
  };
}
