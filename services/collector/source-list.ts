import { z } from 'zod';
import { type SourceConfig, sourceConfigSchema } from './config.ts';

const maxSources = 64;

const areDifferent = (values: readonly string[]): boolean => new Set(values).size === values.length;

/** Addresses that webhooks listen on; port 0 is any free one. */
const addressesOf = (sources: readonly SourceConfig[]): string[] =>
  sources.flatMap((source) =>
    source.kind === 'webhook' && source.listen.port !== 0
      ? [`${source.listen.host}:${source.listen.port}`]
      : [],
  );

/** The sources of one collector: each valid by itself, and none against another. */
export const sourceListSchema = z
  .array(sourceConfigSchema)
  .max(maxSources)
  .refine((sources) => areDifferent(sources.map(({ id }) => id)), {
    message: 'must give each source an id of its own',
  })
  .refine((sources) => sources.filter(({ kind }) => kind === 'stdin').length <= 1, {
    message: 'may name standard input once',
  })
  .refine((sources) => areDifferent(addressesOf(sources)), {
    message: 'must give each webhook an address of its own',
  });
