import { isIP } from 'node:net';
import { z } from 'zod';
import { sourceConfigSchema } from '#services/collector';
import { parseRetentionPeriod, type RetentionPeriod } from '#shared/store';

const text = z.string().min(1).max(4096);

const retentionPeriod = z.string().transform((value, context): RetentionPeriod => {
  const period = parseRetentionPeriod(value);
  if (period === null) context.addIssue({ code: 'custom', message: 'must be P1M to P24M, whole months' });
  return period ?? { months: 0 };
});

/** `host:port`, an IPv6 address in brackets. */
const listenAddress = z.string().transform((value, context) => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(value);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? -1);
  if (host === '' || port < 0 || port > 65_535) {
    context.addIssue({ code: 'custom', message: 'must be host:port, such as 127.0.0.1:8425' });
  }
  return { host, port };
});

/** `aud` of signed requests: compared byte for byte, so written in one form only. */
const publicUrl = z.string().transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    url.search ||
    url.hash ||
    url.username ||
    value.endsWith('/')
  ) {
    context.addIssue({ code: 'custom', message: 'must be an http(s) URL without query and trailing slash' });
  }
  // What officers sign goes over the network in the clear otherwise; their client refuses it, too.
  if (url?.protocol === 'http:' && !isLoopback(url.hostname)) {
    context.addIssue({ code: 'custom', message: 'must be https, unless it is for this computer alone' });
  }
  return value;
});

/**
 * Configuration of the embedded default: one process, all data under one folder.
 * Every member but `dataFolder` has a default; secrets are files under the data folder, never in here.
 */
export const standaloneConfigSchema = z
  .strictObject({
    dataFolder: text,
    listen: listenAddress.prefault('127.0.0.1:8425'),
    /** URL under which officers reach the service; `http://` and the listen address where absent. */
    publicUrl: publicUrl.optional(),
    /** Name of the operator, as it stands on written disclosures. */
    operator: z.string().min(1).max(200).default('Mail operator'),
    retentionPeriod: retentionPeriod.prefault('P6M'),
    sources: z.array(sourceConfigSchema).max(64).default([]),
    tls: z.strictObject({ certFile: text, keyFile: text }).optional(),
  })
  .refine(({ listen, tls }) => tls !== undefined || isLoopback(listen.host), {
    path: ['listen'],
    message:
      'an address that others reach needs tls.certFile and tls.keyFile; or listen on 127.0.0.1 behind a proxy',
  });
export type StandaloneConfig = z.infer<typeof standaloneConfigSchema>;
export type StandaloneConfigInput = z.input<typeof standaloneConfigSchema>;

function isLoopback(host: string): boolean {
  return ['localhost', '::1', '[::1]'].includes(host) || (isIP(host) === 4 && host.startsWith('127.'));
}

/** The public URL in force. */
export function publicUrlOf({ publicUrl, listen, tls }: StandaloneConfig): string {
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return publicUrl ?? `${tls ? 'https' : 'http'}://${host}:${listen.port}`;
}
