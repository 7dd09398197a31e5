import { z } from 'zod';
import { normalizeHostName, trafficLimits } from '#shared/traffic';

const timeZone = z.string().refine(isTimeZone, { message: 'is no IANA time zone, such as Europe/Amsterdam' });

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
