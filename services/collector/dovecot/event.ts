import { normalizeHostName, normalizeIp } from '#shared/traffic';
import type { LogRecord, NotUnderstoodReason } from '../adapter.ts';
import {
  ignored,
  type MessageFacts,
  notUnderstood,
  observed,
  type Parsed,
  type Party,
  present,
  type SessionService,
} from './observation.ts';

/*
 * Dovecot's events as its `event_exporter` writes them with `format = json`, one object a line:
 *
 *   {"event":"auth_request_finished","hostname":"mx1","start_time":"…Z","end_time":"…Z",
 *    "categories":["service:auth","auth"],"fields":{"success":"yes","user":"alice","session":"…",…}}
 *
 * Used are auth_request_finished (one login or failed login each), mail_user_session_finished and
 * proxy_session_finished (logout), mail_delivery_finished and smtp_server_transaction_rcpt_finished
 * (delivery, submission), and of imap_command_finished and pop3_command_finished whether a message body
 * was read. Fields are named one by one below; `message_subject`, `cmd_args`, `error`, `mailbox` and
 * their like are never looked at.
 *
 * Limits of the source: http-post tries once and gives up after 250 ms; with imap-hibernate a session
 * gives a `mail_user_session_finished` for each stretch between two hibernations; proxy events of 2.3
 * have no session id and give nothing.
 */

/** Program tag of a record whose message is one event's JSON text. */
export const dovecotEventProgram = 'dovecot/event';

type Fields = Readonly<Record<string, unknown>>;

interface ExportedEvent {
  readonly name: string;
  readonly categories: readonly string[];
  readonly fields: Fields;
  readonly whole: Fields;
}

/**
 * Reads one line of an events file into a record: time from `end_time`, host from `hostname`.
 * @param fallbackHost host of events that name none, in normal form.
 */
export function parseDovecotEventHeader(line: string, fallbackHost: string): LogRecord | NotUnderstoodReason {
  const event = readEvent(line);
  if (typeof event === 'string') return event;
  const timeMs = toTimeMs(event.whole.end_time ?? event.whole.start_time);
  if (timeMs === null) return 'header.bad_time';
  const named = text(event.whole, 'hostname');
  const host = (named === undefined ? null : normalizeHostName(named)) ?? fallbackHost;
  return { timeMs, host, program: dovecotEventProgram, message: line };
}

function readEvent(line: string): ExportedEvent | NotUnderstoodReason {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'json.malformed';
  }
  if (!isFields(value)) return 'json.not_an_object';
  const name = text(value, 'event');
  if (name === undefined) return 'dovecot.event_unnamed';
  const categories = value.categories;
  return {
    name,
    categories: Array.isArray(categories) ? categories.filter((c) => typeof c === 'string') : [],
    fields: isFields(value.fields) ? value.fields : {},
    whole: value,
  };
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const toMs = (seconds: number): number | null =>
  Number.isFinite(seconds) && seconds > 0 ? Math.trunc(seconds * 1000) : null;

/** RFC 3339, or seconds since the epoch (`time-unix`). */
function toTimeMs(value: unknown): number | null {
  if (typeof value === 'number') return toMs(value);
  // Of anything else no text is made: a JSON object may have a `toString` of its own, which throws.
  if (typeof value !== 'string') return null;
  if (/^\d{9,11}(?:\.\d+)?$/.test(value)) return toMs(Number(value));
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(value)) return null;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? null : ms;
}

const text = (fields: Fields, name: string): string | undefined => {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

const integer = (fields: Fields, name: string): number | undefined => {
  const value = fields[name];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
};

const sessionServices: Readonly<Record<string, SessionService>> = {
  imap: 'imap',
  pop3: 'pop3',
  sieve: 'managesieve',
  managesieve: 'managesieve',
  submission: 'submission',
  // An SMTP server such as Postfix that lets its clients authenticate against Dovecot.
  smtp: 'submission',
  smtps: 'submission',
};

/** Parses one event's JSON text. */
export function parseEvent(message: string): Parsed {
  const event = readEvent(message);
  if (typeof event === 'string') return notUnderstood(event);
  const { fields } = event;
  switch (event.name) {
    case 'auth_request_finished':
      return parseAuth(fields);
    case 'mail_user_session_finished':
      return parseLogout(serviceOf(event.categories), fields);
    case 'proxy_session_finished':
      return parseLogout(sessionServices[text(fields, 'service') ?? text(fields, 'protocol') ?? ''], fields);
    case 'mail_delivery_finished':
      return parseDelivery(event.categories, fields);
    case 'smtp_server_transaction_rcpt_finished':
      return parseRecipient(event.categories, fields);
    case 'imap_command_finished':
      return isBodyRead(fields) ? retrieval(fields) : ignored;
    case 'pop3_command_finished':
      return text(fields, 'cmd_name') === 'RETR' ? retrieval(fields) : ignored;
    default:
      return ignored;
  }
}

function endpoint(fields: Fields) {
  const ip = normalizeIp(text(fields, 'remote_ip') ?? '');
  const real = normalizeIp(text(fields, 'real_remote_ip') ?? '');
  const transport = text(fields, 'transport')?.toLowerCase();
  const port = integer(fields, 'remote_port');
  return {
    ...present('ip', ip),
    ...present('port', port !== undefined && port >= 1 && port <= 65_535 ? port : undefined),
    ...present('proxyIp', real === ip ? undefined : real),
    ...present('tls', transport === 'tls' ? true : transport === 'insecure' ? false : undefined),
  };
}

const party = (fields: Fields): Party => ({
  ...present('user', text(fields, 'user')),
  ...present('session', text(fields, 'session')),
});

function parseAuth(fields: Fields): Parsed {
  // 2.4 renamed `service` to `protocol`.
  const service = sessionServices[text(fields, 'service') ?? text(fields, 'protocol') ?? ''];
  if (service === undefined) return ignored;
  const from = endpoint(fields);
  if (text(fields, 'success') === 'yes') return observed({ kind: 'login', service, from, ...party(fields) });
  const outcome = text(fields, 'policy_result') === 'refused' ? 'policy_refused' : 'auth_failed';
  return observed({ kind: 'loginFailed', service, from, outcome, ...party(fields) });
}

/** Only the processes that serve clients: deliveries, `doveadm` and indexers open a user's mail too. */
function serviceOf(categories: readonly string[]): SessionService | undefined {
  const named = categories.find((category) => category.startsWith('service:'))?.slice('service:'.length);
  return named === 'smtp' || named === 'smtps' ? undefined : sessionServices[named ?? ''];
}

function parseLogout(service: SessionService | undefined, fields: Fields): Parsed {
  const who = party(fields);
  if (service === undefined || who.session === undefined) return ignored;
  return observed({
    kind: 'logout',
    service,
    from: endpoint(fields),
    ...who,
    ...present('received', integer(fields, 'net_in_bytes')),
    ...present('sent', integer(fields, 'net_out_bytes')),
    retrieved: false,
  });
}

/** The reason code says it without the command's arguments (2.3.18 and later). */
function isBodyRead(fields: Fields): boolean {
  const reasons = fields.reason_code;
  return Array.isArray(reasons) && reasons.includes('imap:fetch_body');
}

function retrieval(fields: Fields): Parsed {
  const session = text(fields, 'session');
  return session === undefined ? ignored : observed({ kind: 'retrieval', session });
}

function messageFacts(fields: Fields): MessageFacts {
  const sender = fields.mail_from;
  return {
    ...present('id', text(fields, 'message_id')),
    ...present('sender', typeof sender === 'string' ? sender : undefined),
    ...present('recipient', text(fields, 'rcpt_to')),
    ...present('size', integer(fields, 'message_size') ?? integer(fields, 'data_size')),
    ...present('replyCode', integer(fields, 'status_code')),
    ...present('dsn', text(fields, 'enhanced_code')),
  };
}

/** A delivery that failed is told, with its codes, by smtp_server_transaction_rcpt_finished. */
function parseDelivery(categories: readonly string[], fields: Fields): Parsed {
  if (fields.error !== undefined) return ignored;
  const agent = categories.includes('lmtp') ? 'lmtp' : 'lda';
  return observed({
    kind: 'delivery',
    agent,
    type: 'message.delivered',
    outcome: 'delivered',
    ...present('originIp', endpoint(fields).ip),
    ...party(fields),
    message: messageFacts(fields),
  });
}

function parseRecipient(categories: readonly string[], fields: Fields): Parsed {
  const code = integer(fields, 'status_code') ?? 0;
  const message = messageFacts(fields);
  if (categories.includes('service:submission')) {
    const accepted = code >= 200 && code < 300;
    return observed({ kind: 'submitted', accepted, from: endpoint(fields), ...party(fields), message });
  }
  if (!categories.includes('lmtp') || code < 400) return ignored;
  return observed({
    kind: 'delivery',
    agent: 'lmtp',
    type: code < 500 ? 'message.deferred' : 'message.rejected',
    outcome: code < 500 ? 'deferred' : 'rejected',
    ...present('originIp', endpoint(fields).ip),
    ...party(fields),
    message,
  });
}
