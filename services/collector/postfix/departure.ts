import type { LineResult } from '../adapter.ts';
import { beginLife, type Context, connectionKey, findLife, notUnderstood, quiet } from './context.ts';
import { parseDeliveryLine } from './delivery-line.ts';
import { deliveryEvent, expiredEvent, typeOfStatus } from './events.ts';
import { addressEnd } from './fields.ts';
import type { Life } from './life.ts';
import { queueIdLength } from './queue-id.ts';
import { isScopeOf, lifeKey } from './scope.ts';

/** Any delivery agent's `to=<…>, relay=…, status=…`; also qmgr(8), cleanup(8) and error(8) write it. */
export function deliveryLine(context: Context, queueId: string, start: number): LineResult {
  const { message, record, program } = context;
  const line = parseDeliveryLine(message, start);
  if (line === null) return notUnderstood('postfix.delivery');
  const type = typeOfStatus(line.status);
  if (type === undefined) return notUnderstood('postfix.delivery_status');
  const life = findLife(context, queueId) ?? beginLife(context, queueId);
  if (type === null) return quiet;
  const event = deliveryEvent(record, program, life, line, type);
  if (overTls(context, queueId, line.relay)) event.tls = true;
  const next = line.nextQueueId === undefined ? undefined : linkNext(context, life, line.nextQueueId);
  if (next !== undefined) event.relatedQueueId ??= next;
  return { kind: 'understood', events: [event] };
}

/** A process delivers one message at a time: the connection is that of the first message after it. */
function overTls(context: Context, queueId: string, relay: string): boolean {
  const key = connectionKey(context);
  const connection = key === undefined ? undefined : context.connections.find(key);
  if (key === undefined || connection === undefined) return false;
  if (connection.queueId === '') {
    context.connections.bind(key, connection, queueId);
  } else if (connection.queueId !== queueId) {
    context.connections.end(key);
    return false;
  }
  return connection.peer === relay;
}

/**
 * The same message goes on under another queue id: behind a content filter (`queued as …` in the reply,
 * believed only where a message with the same Message-ID is open under that id on this host) or forwarded
 * by local(8). The second message is told where it came from.
 */
function linkNext(context: Context, life: Life, nextId: string): string | undefined {
  if (queueIdLength(nextId, 0) !== nextId.length) return undefined;
  const forwarded = context.program.daemon === 'local';
  for (const scope of forwarded ? [context.scope] : context.scopes) {
    if (!isScopeOf(scope, context.record.host)) continue;
    const next = context.lives.find(lifeKey(nextId, scope), nextId, context.second);
    if (next === undefined || next === life) continue;
    if (forwarded) {
      if (next.origin !== 'unknown') continue;
      next.origin = 'internal';
    } else if (life.messageId === '' || next.messageId !== life.messageId) continue;
    if (next.related === '') next.related = life.queueId;
    return nextId;
  }
  return undefined;
}

/** qmgr(8) `from=<…>, status=expired, returned to sender` (or `force-expired`). */
export function expiredLine(context: Context, queueId: string, start: number): LineResult {
  const { message, record, program } = context;
  const senderEnd = addressEnd(message, start + 6);
  const status =
    senderEnd === -1
      ? undefined
      : /^>, status=((?:force-)?expired), returned to sender$/.exec(message.slice(senderEnd))?.[1];
  if (status === undefined) return notUnderstood('postfix.expired');
  const life = findLife(context, queueId) ?? beginLife(context, queueId);
  return { kind: 'understood', events: [expiredEvent(record, program, life, status)] };
}

const notification =
  /^(?:sender|postmaster) (?:non-delivery|delay|delivery status) notification: ([0-9A-Za-z]{6,24})$/;

/**
 * bounce(8) `sender non-delivery notification: <queue id>`: the new message is about this one. Postfix
 * 3.11 logs it before the new id's first line, earlier releases after.
 */
export function notificationLine(context: Context, queueId: string, start: number): LineResult | undefined {
  const noticeId = notification.exec(context.message.slice(start))?.[1];
  if (noticeId === undefined || queueIdLength(noticeId, 0) !== noticeId.length) return undefined;
  // Touched, so that the original does not time out before its end is seen.
  findLife(context, queueId);
  let notice = findLife(context, noticeId);
  const another = notice?.origin === 'client' || notice?.origin === 'local' || notice?.related !== '';
  if (notice === undefined || another) notice = beginLife(context, noticeId);
  notice.origin = 'internal';
  notice.related = queueId;
  return quiet;
}

/** qmgr(8) and postsuper(1) `removed`. */
export function removedLine(context: Context, queueId: string): LineResult {
  const life = findLife(context, queueId);
  if (life !== undefined) context.lives.end(life);
  return quiet;
}
