import {
  type EventDraft,
  type EventType,
  normalizeAddress,
  normalizeHostName,
  normalizeMessageId,
  normalizeUser,
  trafficLimits,
} from '#shared/traffic';
import type { LogRecord } from '../adapter.ts';
import type { HeldLogout } from './held-logouts.ts';
import {
  type Endpoint,
  type MessageFacts,
  type Observation,
  type Party,
  present,
  type SessionService,
} from './observation.ts';

/** The service's name in the protocol field, as Dovecot names it. */
const protocols = { imap: 'imap', pop3: 'pop3', managesieve: 'sieve', submission: 'submission' } as const;

interface SessionFacts extends Party {
  readonly service: SessionService;
  readonly from: Endpoint;
  readonly outcome?: string;
  readonly received?: number;
  readonly sent?: number;
  /** Where it differs from the record's own time. */
  readonly timeMs?: number;
  readonly complete: boolean;
}

/** Where and when: a record, or a line that was kept until its session was known. */
type Place = Pick<LogRecord, 'timeMs' | 'timeNote' | 'host'>;

function common(record: Place, timeMs: number) {
  return {
    occurredAt: new Date(timeMs).toISOString(),
    ...present('occurredAtNote', record.timeNote),
    host: record.host,
    software: 'dovecot',
  } as const;
}

/**
 * A session's event. Who reads mail is a recipient; who submits mail is a sender, and its address is the
 * sender's as well as the client's.
 */
export function sessionDraft(record: Place, type: EventType, facts: SessionFacts): EventDraft {
  const { service, from } = facts;
  const submits = service === 'submission';
  const session = storedSession(facts.session);
  return {
    type,
    ...common(record, facts.timeMs ?? record.timeMs),
    service,
    protocol: protocols[service],
    ...session,
    ...present(submits ? 'senderUser' : 'recipientUser', storedUser(facts.user)),
    ...(submits ? { ...present('senderIp', from.ip), ...present('senderPort', from.port) } : {}),
    ...present('clientIp', from.ip),
    ...present('clientPort', from.port),
    ...present('proxyIp', from.proxyIp),
    ...present('bytesReceived', facts.received),
    ...present('bytesSent', facts.sent),
    ...present('outcome', label(facts.outcome)),
    ...present('tls', from.tls),
    correlation: facts.complete ? 'complete' : 'partial',
  };
}

/** A session's login, as later lines of the session need it. */
export type KnownSession = Party & { readonly from: Endpoint };

type Logout = Omit<HeldLogout, 'session'> & { readonly session?: string };

/**
 * A logout, and before it the retrieval that it reports.
 * @param known the session's login, where it was seen.
 */
export function logoutDrafts(logout: Logout, known: KnownSession | undefined): readonly EventDraft[] {
  const facts = {
    ...logout,
    ...present('user', logout.user ?? known?.user),
    from: known?.from ?? logout.from,
    complete: known !== undefined,
  };
  const event = sessionDraft(logout, 'session.logout', facts);
  return logout.retrieved ? [sessionDraft(logout, 'mailbox.retrieved', facts), event] : [event];
}

type Delivery = Extract<Observation, { kind: 'delivery' }>;

export function deliveryDraft(
  record: LogRecord,
  delivery: Delivery,
  originIp: string | undefined,
): EventDraft {
  const { message, user } = delivery;
  const recipient = message.recipient ?? (user?.includes('@') === true ? user : undefined);
  return {
    type: delivery.type,
    ...common(record, record.timeMs),
    service: delivery.agent === 'lmtp' ? 'lmtp' : 'local-delivery',
    protocol: delivery.agent,
    ...storedSession(delivery.session),
    ...messageFields(message),
    ...present('originHostIp', originIp),
    ...present('recipientAddress', recipient === undefined ? undefined : normalizeAddress(recipient)),
    ...present('recipientUser', storedUser(user)),
    ...present('deliveryHostName', normalizeHostName(record.host)),
    outcome: delivery.outcome,
    correlation: message.idUnclear === true ? 'partial' : 'complete',
  };
}

type Submitted = Extract<Observation, { kind: 'submitted' }>;

/** @param known the submitting session's login, where it was seen. */
export function submittedDraft(
  record: LogRecord,
  submitted: Submitted,
  known: KnownSession | undefined,
): EventDraft {
  const { message } = submitted;
  const from = known?.from ?? submitted.from;
  return {
    type: submitted.accepted ? 'message.accepted' : 'message.rejected',
    ...common(record, record.timeMs),
    service: 'submission',
    protocol: protocols.submission,
    ...storedSession(submitted.session),
    ...messageFields(message),
    ...present('senderIp', from.ip),
    ...present('senderPort', from.port),
    ...present('senderUser', storedUser(submitted.user ?? known?.user)),
    ...present(
      'recipientAddress',
      message.recipient === undefined ? undefined : normalizeAddress(message.recipient),
    ),
    outcome: submitted.accepted ? 'relayed' : 'rejected',
    ...present('tls', from.tls),
    correlation: from.ip === undefined ? 'partial' : 'complete',
  };
}

function messageFields(message: MessageFacts) {
  const sender = message.sender;
  return {
    ...(message.id === undefined ? {} : (normalizeMessageId(message.id) ?? {})),
    ...present('sizeOctets', message.size),
    ...present('recipientCount', message.recipientCount),
    ...(sender === ''
      ? { senderNull: true as const }
      : present('senderAddress', sender === undefined ? undefined : normalizeAddress(sender))),
    ...present(
      'dsn',
      message.dsn !== undefined && /^[245]\.\d{1,3}\.\d{1,3}$/.test(message.dsn) ? message.dsn : undefined,
    ),
    ...present(
      'replyCode',
      message.replyCode !== undefined && message.replyCode >= 200 && message.replyCode <= 599
        ? message.replyCode
        : undefined,
    ),
  };
}

/** A user name as stored, within its bound; null where there is none that can be. */
export const storedUser = (user: string | undefined): string | null =>
  user === undefined ? null : normalizeUser(user);

/** Session ids are base64 with a suffix per transaction; another form is not one of Dovecot's making. */
const storedSession = (session: string | undefined) =>
  present('sessionId', session !== undefined && isSessionId(session) ? session : undefined);

export const isSessionId = (session: string): boolean =>
  session.length <= trafficLimits.sessionIdBytes && /^[\x21-\x7e]+$/.test(session);

/** An outcome is a word of ours or of Dovecot's own table. */
const label = (outcome: string | undefined): string | undefined =>
  outcome !== undefined && /^[a-z_]{1,64}$/.test(outcome) ? outcome : undefined;
