import {
  type EventDraft,
  type EventType,
  normalizeHostName,
  normalizeUser,
  type Service,
} from '#shared/traffic';
import type { LogRecord } from '../adapter.ts';
import type { DeliveryLine } from './delivery-line.ts';
import { type Peer, parseDsn, parsePeer } from './fields.ts';
import type { Life } from './life.ts';
import { addressOf } from './normal-forms.ts';
import type { Program } from './program.ts';
import type { RejectLine } from './reject-line.ts';

/*
 * Events out of lines and lives. What an event says of whom:
 *
 * - `senderIp` and `originHost…` are the client's, by its own connection. Behind a content filter that
 *   speaks XFORWARD they are those of the client that the first leg saw, and `proxyIp` is the filter's.
 * - Mail handed in by a local program (pickup) comes from the host itself; `senderUser` is `uid:<number>`.
 * - `deliveryHost…` is the relay; for a delivery agent or a socket it is the host itself.
 * - `service` is `submission` where the tag names such a service or the client has authenticated:
 *   submission (RFC 6409) is told from relay by what the client may do, and some offer it on port 25.
 */

let cachedMs = Number.NaN;
let cachedTime = '';

function draftOf(record: LogRecord, program: Program, type: EventType, service: Service): EventDraft {
  if (record.timeMs !== cachedMs) {
    cachedMs = record.timeMs;
    cachedTime = new Date(cachedMs).toISOString();
  }
  const draft: EventDraft = {
    type,
    occurredAt: cachedTime,
    host: record.host,
    software: 'postfix',
    service,
    correlation: 'complete',
  };
  if (record.timeNote !== undefined) draft.occurredAtNote = record.timeNote;
  if (program.instance !== undefined) draft.instance = program.instance;
  return draft;
}

function addLife(draft: EventDraft, life: Life, ownHost: string): void {
  draft.queueId = life.queueId;
  if (life.related !== '') draft.relatedQueueId = life.related;
  if (life.messageId !== '') draft.messageId = life.messageId;
  if (life.messageIdHashed) draft.messageIdHashed = true;
  if (life.size > 0) draft.sizeOctets = life.size;
  if (life.recipients > 0) draft.recipientCount = life.recipients;
  if (life.senderNull) draft.senderNull = true;
  if (life.sender !== '') draft.senderAddress = life.sender;
  if (life.user !== '') draft.senderUser = life.user;
  if (life.proxyIp !== '') draft.proxyIp = life.proxyIp;
  if (life.clientIp !== '') {
    draft.senderIp = life.clientIp;
    draft.originHostIp = life.clientIp;
  }
  if (life.clientPort > 0) draft.senderPort = life.clientPort;
  if (life.clientName !== '') draft.originHostName = life.clientName;
  else if (life.origin === 'local' || life.origin === 'internal') draft.originHostName = ownHost;
  if (life.origin === 'unknown' || !life.queued) draft.correlation = 'partial';
}

function receivingService(life: Life): Service {
  return life.submission || life.origin === 'local' ? 'submission' : 'smtp';
}

/** The queue manager has announced the message: it was accepted. */
export function acceptedEvent(record: LogRecord, program: Program, life: Life): EventDraft {
  const draft = draftOf(record, program, 'message.accepted', receivingService(life));
  addLife(draft, life, record.host);
  if (life.origin === 'local') draft.protocol = 'pickup';
  if (life.tls) draft.tls = true;
  return draft;
}

/**
 * The message was returned for its age. Postfix logs this once for all recipients that are left, without
 * naming one; they are those of the message's last deferrals.
 */
export function expiredEvent(record: LogRecord, program: Program, life: Life, outcome: string): EventDraft {
  const draft = draftOf(record, program, 'message.expired', receivingService(life));
  addLife(draft, life, record.host);
  draft.outcome = outcome;
  return draft;
}

const deliveryServices: Readonly<Record<string, Service>> = {
  smtp: 'smtp',
  lmtp: 'lmtp',
  local: 'local-delivery',
  virtual: 'local-delivery',
  pipe: 'local-delivery',
};

/** Status words of log_adhoc(3). `null`: address verification, which is no traffic. */
const statusTypes: Readonly<Record<string, EventType | null>> = {
  sent: 'message.delivered',
  deferred: 'message.deferred',
  // soft_bounce = yes: the message stays queued.
  SOFTBOUNCE: 'message.deferred',
  bounced: 'message.bounced',
  expired: 'message.expired',
  deliverable: null,
  undeliverable: null,
};

/** @returns undefined for a status word that Postfix does not have, null for an address probe. */
export function typeOfStatus(status: string): EventType | null | undefined {
  return Object.hasOwn(statusTypes, status) ? statusTypes[status] : undefined;
}

/** One attempt to deliver to one recipient. */
export function deliveryEvent(
  record: LogRecord,
  program: Program,
  life: Life,
  line: DeliveryLine,
  statusType: EventType,
): EventDraft {
  // discard(8) reports as sent what it throws away: nobody has received that.
  const discarded = program.daemon === 'discard' && line.status === 'sent';
  const type = discarded ? 'message.rejected' : statusType;
  const draft = draftOf(record, program, type, deliveryServices[program.daemon] ?? receivingService(life));
  addLife(draft, life, record.host);
  draft.protocol = program.daemon;
  draft.outcome = discarded ? 'discard' : line.status;
  const recipient = addressOf(line.recipient);
  if (recipient !== null) draft.recipientAddress = recipient;
  else draft.correlation = 'partial';
  if (line.originalRecipient !== undefined) {
    const original = addressOf(line.originalRecipient);
    if (original !== null) draft.recipientOriginalAddress = original;
  }
  const dsn = parseDsn(line.dsn);
  if (dsn !== undefined) draft.dsn = dsn;
  const remote = program.daemon === 'smtp' || program.daemon === 'lmtp';
  if (remote && line.replyCode !== undefined) draft.replyCode = line.replyCode;
  if (line.relay !== 'none' && !discarded) addRelay(draft, line.relay, record.host);
  return draft;
}

function addRelay(draft: EventDraft, relay: string, ownHost: string): void {
  const peer: Peer | null = relay.includes('[') ? parsePeer(relay) : { socket: true };
  if (peer === null) return;
  if (peer.socket === true) {
    // Before a socket Postfix writes its own full name; the header's is often a short one.
    const bracket = relay.indexOf('[');
    const ownName = bracket === -1 ? null : normalizeHostName(relay.slice(0, bracket));
    draft.deliveryHostName = ownName === null || ownName === 'localhost' ? ownHost : ownName;
    return;
  }
  if (peer.name !== undefined) draft.deliveryHostName = peer.name;
  if (peer.ip !== undefined) draft.deliveryHostIp = peer.ip;
  if (peer.port !== undefined) draft.deliveryHostPort = peer.port;
}

/** A command, a recipient or a whole message was refused, or accepted and thrown away. */
export function rejectedEvent(
  record: LogRecord,
  program: Program,
  life: Life | undefined,
  line: RejectLine,
  outcome: string,
): EventDraft {
  const submission = program.submission || line.user !== undefined || life?.submission === true;
  const draft = draftOf(record, program, 'message.rejected', submission ? 'submission' : 'smtp');
  if (life !== undefined) addLife(draft, life, record.host);
  draft.outcome = outcome;
  // The life knows the client behind a content filter; the line does not.
  if (line.client !== undefined && (life === undefined || life.clientIp === '')) {
    addClient(draft, line.client);
  }
  if (line.sender === '') draft.senderNull = true;
  else if (line.sender !== undefined) {
    const sender = addressOf(line.sender);
    if (sender !== null) draft.senderAddress = sender;
  }
  if (line.recipient !== undefined) {
    const recipient = addressOf(line.recipient);
    if (recipient !== null) draft.recipientAddress = recipient;
  }
  const user = line.user === undefined ? null : normalizeUser(line.user);
  if (user !== null) draft.senderUser = user;
  if (line.protocol !== undefined) draft.protocol = line.protocol.toLowerCase();
  if (line.replyCode !== undefined) draft.replyCode = line.replyCode;
  if (line.dsn !== undefined) draft.dsn = line.dsn;
  draft.correlation = line.whole ? 'complete' : 'partial';
  return draft;
}

function addClient(draft: EventDraft, client: Peer): void {
  if (client.ip !== undefined) {
    draft.senderIp = client.ip;
    draft.originHostIp = client.ip;
  }
  if (client.port !== undefined) draft.senderPort = client.port;
  if (client.name !== undefined) draft.originHostName = client.name;
}

/** A client has failed to authenticate. Its address is given as the sender's and as the session's. */
export function loginFailedEvent(
  record: LogRecord,
  program: Program,
  client: Peer,
  userText: string | undefined,
): EventDraft {
  const draft = draftOf(record, program, 'session.login_failed', program.submission ? 'submission' : 'smtp');
  if (client.ip !== undefined) {
    draft.senderIp = client.ip;
    draft.clientIp = client.ip;
  }
  if (client.port !== undefined) {
    draft.senderPort = client.port;
    draft.clientPort = client.port;
  }
  const user = userText === undefined ? null : normalizeUser(userText);
  if (user !== null) draft.senderUser = user;
  draft.outcome = 'auth_failed';
  return draft;
}
