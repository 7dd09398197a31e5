import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { packageRoot } from '#shared/runtime';

const read = (name: string): string => readFileSync(join(packageRoot, name), 'utf8');

/** One instruction of a Dockerfile, its continued lines joined. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}

export function dockerfile(): Instruction[] {
  return read('Dockerfile')
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .join('\n')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [name = '', ...rest] = line.trim().split(/\s+/);
      return { name, text: rest.join(' ') };
    });
}

const condition = z.enum(['service_started', 'service_healthy', 'service_completed_successfully']);
const serviceSchema = z.looseObject({
  image: z.string(),
  build: z.string().optional(),
  user: z.string().optional(),
  command: z.array(z.string()).optional(),
  entrypoint: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  secrets: z
    .array(
      z.union([
        z.string().transform((source) => ({ source, target: `/run/secrets/${source}` })),
        z.strictObject({ source: z.string(), target: z.string() }),
      ]),
    )
    .default([]),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  networks: z.array(z.string()),
  depends_on: z.record(z.string(), z.strictObject({ condition })).default({}),
  healthcheck: z.looseObject({ disable: z.boolean().optional() }).optional(),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal('ALL')]),
  security_opt: z.array(z.string()),
  tmpfs: z.array(z.string()).default([]),
  restart: z.string(),
  mem_limit: z.string(),
  pids_limit: z.int(),
  logging: z.looseObject({ options: z.record(z.string(), z.string()) }),
});
export type ComposeService = z.infer<typeof serviceSchema>;

const composeSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  networks: z.record(z.string(), z.object({ internal: z.boolean().optional() }).nullable()),
  volumes: z.record(z.string(), z.null()),
  secrets: z.record(z.string(), z.strictObject({ file: z.string() })),
});

/** Settings as somebody has them who copied the example. */
function exampleSettings(): Record<string, string> {
  const pairs = [...read('infra/docker/env.example').matchAll(/^([A-Z_]+)=(.*)$/gm)];
  return Object.fromEntries(pairs.map(([, name, value]) => [name, value]));
}

/** `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, as Compose fills them in. */
export function interpolate(text: string, settings: Readonly<Record<string, string>>): string {
  return text.replaceAll(
    /\$\$|\$\{([A-Z_]+)(?::(-|\?)([^}]*))?\}/g,
    (whole, name: string, kind: string | undefined, rest: string | undefined) => {
      if (whole === '$$') return '$';
      const value = settings[name] || (kind === '-' ? rest : undefined);
      if (value === undefined) throw new Error(`${name} is neither in env.example nor has it a default`);
      return value;
    },
  );
}

/** docker-compose.yml with its anchors followed and the example's settings filled in. */
export function compose(settings = exampleSettings()): z.infer<typeof composeSchema> {
  // After reading, as Compose does: what is filled in is text, also where it looks like a number.
  const fill = (_: unknown, value: unknown) =>
    typeof value === 'string' ? interpolate(value, settings) : value;
  return composeSchema.parse(parse(read('docker-compose.yml'), fill, { merge: true }));
}

/** An image's name without its tag and digest, and the tag. */
export function imageParts(image: string): { name: string; tag: string } {
  const [tagged = ''] = image.split('@');
  const at = tagged.lastIndexOf(':');
  return at === -1 ? { name: tagged, tag: '' } : { name: tagged.slice(0, at), tag: tagged.slice(at + 1) };
}
