import { normalizeMessageId, normalizeUser } from '#shared/traffic';
import type { LineResult } from '../adapter.ts';
import { parseClientLine } from './client-line.ts';
import { beginLife, type Context, connectionKey, findLife, notUnderstood, quiet } from './context.ts';
import { acceptedEvent } from './events.ts';
import { addressEnd } from './fields.ts';
import { addressOf } from './normal-forms.ts';
import { queueIdLength } from './queue-id.ts';

/*
 * Lines of a message's arrival. smtpd(8) and pickup(8) open a queue file and so begin a life whatever was
 * open under the id; cleanup(8) continues theirs, or begins that of a message which Postfix made itself.
 */

/** smtpd(8) `client=…`. */
export function clientLine(context: Context, queueId: string, start: number): LineResult {
  const { message, program } = context;
  const line = parseClientLine(message, start);
  if (line === null) return notUnderstood('postfix.client');
  const life = beginLife(context, queueId);
  life.origin = 'client';
  const client = line.originalClient ?? line.client;
  life.clientIp = client.ip ?? '';
  life.clientName = client.name ?? '';
  life.clientPort = client.port ?? 0;
  if (line.originalClient !== undefined) life.proxyIp = line.client.ip ?? '';
  if (line.originalQueueId !== undefined) life.related = line.originalQueueId;
  if (line.user !== undefined) life.user = normalizeUser(line.user) ?? '';
  life.submission = program.submission || line.user !== undefined;
  const key = connectionKey(context);
  const connection = key === undefined ? undefined : context.connections.find(key);
  life.tls = connection !== undefined && message.startsWith(connection.peer, start);
  return quiet;
}

/** pickup(8) `uid=… from=<…>[ orig_id=…]`. */
export function pickupLine(context: Context, queueId: string, start: number): LineResult {
  const { message } = context;
  const blank = message.indexOf(' from=<', start);
  const uid = message.slice(start + 4, blank);
  if (blank === -1 || !/^\d{1,10}$/.test(uid)) return notUnderstood('postfix.pickup');
  const mark = message.lastIndexOf(' orig_id=');
  const length = mark === -1 ? 0 : queueIdLength(message, mark + 9);
  const requeued = length > 0 && mark + 9 + length === message.length;
  const originalId = requeued ? message.slice(mark + 9) : '';
  // Looked up before the new life begins, which may end another.
  const original = requeued ? findLife(context, originalId) : undefined;
  const life = beginLife(context, queueId);
  life.origin = original?.origin ?? 'local';
  life.related = originalId;
  if (original !== undefined) {
    // postsuper -r: the same message under a new id, from whom it was before.
    life.clientIp = original.clientIp;
    life.clientName = original.clientName;
    life.clientPort = original.clientPort;
    life.proxyIp = original.proxyIp;
    life.user = original.user;
    life.submission = original.submission;
    life.tls = original.tls;
  } else if (!requeued) {
    life.user = `uid:${uid}`;
  }
  return quiet;
}

/** A queue file without a word of cleanup(8) for so long was given up, and its id may be another's. */
const abandonedSeconds = 3_600;

/** cleanup(8) `message-id=…`. */
export function messageIdLine(context: Context, queueId: string, start: number): LineResult {
  let life = findLife(context, queueId, abandonedSeconds);
  // A message in the queue has its Message-ID: this is another one under the same short id.
  if (life === undefined || life.queued) life = beginLife(context, queueId);
  const stored = normalizeMessageId(context.message.slice(start));
  life.messageId = stored?.messageId ?? '';
  life.messageIdHashed = stored?.messageIdHashed ?? false;
  return quiet;
}

/** Sender of address probes and of notices to the postmaster: `$double_bounce_sender`, by default. */
const probeSender = /^double-bounce@/i;

/**
 * qmgr(8) `from=<…>, size=…, nrcpt=… (queue active)`, at every attempt. The first one says that the
 * message was accepted. A message that Postfix made itself under the address of its probes gives no such
 * event: whether it is one is known only at its end.
 */
export function queuedLine(context: Context, queueId: string, start: number): LineResult {
  const { message, record, program } = context;
  const senderEnd = addressEnd(message, start + 6);
  const tail =
    senderEnd === -1 ? null : /^>, size=(\d{1,15}), nrcpt=(\d{1,9}) /.exec(message.slice(senderEnd));
  if (tail === null) return notUnderstood('postfix.queued');
  const senderText = message.slice(start + 6, senderEnd);
  const sender = senderText === '' ? '' : (addressOf(senderText) ?? '');
  const size = Number(tail[1]);

  let life = findLife(context, queueId);
  if (life?.queued === true) {
    if (life.size === size && life.sender === sender) return quiet;
    // The id was used again, and the lines in between were not seen.
    life = undefined;
  }
  life ??= beginLife(context, queueId);
  life.queued = true;
  life.sender = sender;
  life.senderNull = senderText === '';
  life.size = size;
  life.recipients = Number(tail[2]);
  if (life.origin === 'unknown' && life.messageId !== '' && probeSender.test(sender)) {
    life.origin = 'internal';
    return quiet;
  }
  return { kind: 'understood', events: [acceptedEvent(record, program, life)] };
}
