import { z } from 'zod';
import { furtherTopics } from '#shared/bus';
import { isLoopback, listenAddressSchema } from '#shared/runtime';
import { normalizeHostName, trafficLimits } from '#shared/traffic';
import { webhookLimits } from './sources/webhook/limits.ts';

const timeZone = z.string().refine(isTimeZone, { message: 'is no IANA time zone, such as Europe/Amsterdam' });

const path = z.string().min(1).max(4096);

const hostName = z.string().transform((value, context) => {
  const normal = normalizeHostName(value);
  if (normal === null) context.addIssue({ code: 'custom', message: 'is no host name' });
  return normal ?? '';
});

const common = {
  /** Part of every event id: keep it for as long as the source lives. Names the checkpoint's folder. */
  id: z.string().regex(/^[a-z0-9-]{1,32}$/, 'must be 1 to 32 of a-z, 0-9 and -'),
  /** Whose lines are wanted; other programs' lines are counted as ignored. */
  software: z.enum(['auto', 'postfix', 'dovecot']).default('auto'),
  /** Zone of times that name none (RFC 3164). */
  timeZone: timeZone.default('UTC'),
  /** Full name of the host, for lines that name none or its first label only; this machine's where absent. */
  host: hostName.optional(),
  /** Given to events that have no instance of their own. */
  instance: z.string().min(1).max(trafficLimits.labelBytes).optional(),
};

/** `auto` looks at each line: JSON of the journal or of Dovecot's events, Dovecot's own log, or syslog. */
const format = z.enum(['auto', 'syslog', 'dovecot', 'dovecot-events', 'journal-json']).default('auto');
const from = z.enum(['beginning', 'end']).default('beginning');

/** One source of log lines, as configured. */
export const sourceConfigSchema = z.discriminatedUnion('kind', [
  z.strictObject({ ...common, kind: z.literal('file'), path: z.string().min(1).max(4096), format, from }),
  z.strictObject({ ...common, kind: z.literal('stdin'), format }),
  z.strictObject({
    ...common,
    kind: z.literal('journal'),
    /** Folder of journal files; the host's own journal where absent. */
    path: z.string().min(1).max(4096).optional(),
    /** Fields that entries must have; both mail servers log to the mail facility. */
    matches: z
      .array(z.string().regex(/^[A-Z0-9_]+=.{1,200}$/))
      .max(16)
      .default(['SYSLOG_FACILITY=2']),
    from,
  }),
  z.strictObject({
    ...common,
    /** Lines that a syslog daemon has put into a topic (infra/rsyslog), those of one host into one partition. */
    kind: z.literal('kafka-raw'),
    /** Without the installation's prefix. */
    topic: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,180}$/)
      .default(furtherTopics.raw),
    /**
     * Numbers of the partitions that this source reads; all where absent, also those that are added. A
     * partition is one source's: read by two, its lines are told twice.
     */
    partitions: z.array(z.int().min(0).max(99_999)).min(1).max(1_024).optional(),
    /** Where to begin in a partition that was never read. */
    from,
  }),
  z
    .strictObject({
      ...common,
      /** Lines and JSON documents that are delivered by `POST /v1/sources/<id>/events`. */
      kind: z.literal('webhook'),
      format,
      /** This source's own address. */
      listen: listenAddressSchema,
      tls: z.strictObject({ certFile: path, keyFile: path }).optional(),
      /** Who may send: a request has one of these. Several, so that a new one can be laid beside the old. */
      secrets: z
        .array(z.strictObject({ scheme: z.enum(['bearer', 'basic', 'hmac']), file: path }))
        .min(1)
        .max(8),
      /** Bytes that wait on the disk at most; what would be more is answered 503. */
      spoolBytes: z
        .int()
        .min(webhookLimits.spoolBytes.min)
        .max(webhookLimits.spoolBytes.max)
        .default(webhookLimits.spoolBytes.default),
    })
    .refine(({ listen, tls }) => tls !== undefined || isLoopback(listen.host), {
      path: ['listen'],
      message:
        'an address that others reach needs tls.certFile and tls.keyFile; or listen on 127.0.0.1 behind a proxy',
    }),
]);
export type SourceConfig = z.infer<typeof sourceConfigSchema>;
export type SourceConfigInput = z.input<typeof sourceConfigSchema>;
export type LineFormat = z.infer<typeof format>;
export type SoftwareChoice = SourceConfig['software'];

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
