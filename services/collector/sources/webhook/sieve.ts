import { normalizeMessageId } from '#shared/traffic';
import type { LineFormat } from '../../config.ts';

/*
 * What of a delivered line goes to the disk. A JSON document is rebuilt from the members that the adapters
 * read, named one by one: `message_subject`, `cmd_args`, `error`, `mailbox` and whatever else an exporter
 * adds is never written anywhere. A document without such members becomes `{}`: it is counted as not
 * understood, at its position. Plain log lines have no members to choose from and are kept as they are.
 */

type Members = Readonly<Record<string, unknown>>;
type Copy = (value: unknown) => unknown;

/** Of a value that is none only this is told, so that its member is still there. */
const scalar: Copy = (value) =>
  ['string', 'number', 'boolean'].includes(typeof value) || value === null ? value : false;
/** Categories and reason codes: words, never free text. */
const words: Copy = (value) =>
  Array.isArray(value)
    ? value.filter((item) => typeof item === 'string' && /^[\w:.-]{1,64}$/.test(item)).slice(0, 32)
    : undefined;
/** That it is there, and not what it says. */
const presence: Copy = () => true;
/** Long ones were seen carrying content; what is stored of those is their hash alone, as in events. */
const messageId: Copy = (value) => {
  if (typeof value !== 'string') return undefined;
  const normal = normalizeMessageId(value);
  return normal?.messageIdHashed === true ? normal.messageId : value;
};

/** Members of a Dovecot event's `fields` that `dovecot/event.ts` reads. */
const dovecotFields: Readonly<Record<string, Copy>> = {
  success: scalar,
  policy_result: scalar,
  service: scalar,
  protocol: scalar,
  transport: scalar,
  user: scalar,
  session: scalar,
  remote_ip: scalar,
  real_remote_ip: scalar,
  remote_port: scalar,
  net_in_bytes: scalar,
  net_out_bytes: scalar,
  mail_from: scalar,
  rcpt_to: scalar,
  message_id: messageId,
  message_size: scalar,
  data_size: scalar,
  status_code: scalar,
  enhanced_code: scalar,
  cmd_name: scalar,
  reason_code: words,
  error: presence,
};

/** A journal's field, which is an array where it occurs twice or is no UTF-8. */
const journalField: Copy = (value) => (Array.isArray(value) ? value : scalar(value));

/** Members of a document: Dovecot's event, or a journal entry as `pipeline/journal-record.ts` reads it. */
const documentMembers: Readonly<Record<string, Copy>> = {
  event: scalar,
  hostname: scalar,
  start_time: scalar,
  end_time: scalar,
  categories: words,
  fields: (value) => (isMembers(value) ? pick(value, dovecotFields) : undefined),
  __CURSOR: journalField,
  __REALTIME_TIMESTAMP: journalField,
  _HOSTNAME: journalField,
  SYSLOG_IDENTIFIER: journalField,
  SYSLOG_PID: journalField,
  _COMM: journalField,
  _PID: journalField,
  MESSAGE: journalField,
};

/** Stand-ins for what is no JSON object, for which the parser names the same reason as for the original. */
const malformed = '{';
const notAnObject = '[]';

export interface Sieved {
  /** The line as it may be kept; of a document one line, whatever it was written on. */
  readonly text: string;
  /** Whether it is a JSON object. */
  readonly isDocument: boolean;
}

/** @param json whether the line was sent as JSON, whatever it looks like. */
export function sieve(line: string, format: LineFormat, json: boolean): Sieved {
  const isJson = json || line.startsWith('{') || format === 'dovecot-events' || format === 'journal-json';
  if (!isJson) return { text: line, isDocument: false };
  let document: unknown;
  try {
    document = JSON.parse(line);
  } catch {
    return { text: malformed, isDocument: false };
  }
  if (!isMembers(document)) return { text: notAnObject, isDocument: false };
  return { text: JSON.stringify(pick(document, documentMembers)), isDocument: true };
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function pick(from: Members, members: Readonly<Record<string, Copy>>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, copy] of Object.entries(members)) {
    if (!Object.hasOwn(from, name)) continue;
    const value = copy(from[name]);
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}
