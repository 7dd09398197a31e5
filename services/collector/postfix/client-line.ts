import { type Peer, parsePeer, peerEnd } from './fields.ts';
import { queueIdLength } from './queue-id.ts';

/** What smtpd(8) logs of a client when it opens a queue file. */
export interface ClientLine {
  readonly client: Peer;
  /** Name that the client has authenticated as (SASL). */
  readonly user?: string;
  /** The client that handed the message to a content filter's first leg (XFORWARD). */
  readonly originalClient?: Peer;
  /** Queue id of that first leg. */
  readonly originalQueueId?: string;
}

/**
 * `client=name[ip][, sasl_method=…][, sasl_username=…][, sasl_sender=…][, orig_queue_id=…][, orig_client=…]`.
 *
 * Nothing is believed behind a SASL name: it may hold any text, and the operator's filters, which alone
 * may send XFORWARD, do not authenticate. The name ends at the first `, sasl_sender=`, because the
 * client chooses what follows that, and only the operator what a login name is.
 * @param start index after `client=`.
 */
export function parseClientLine(message: string, start: number): ClientLine | null {
  const end = peerEnd(message, start);
  if (end === -1) return null;
  const client = parsePeer(message.slice(start, end));
  if (client === null) return null;
  if (end === message.length) return { client };

  if (message.startsWith(', sasl_method=', end)) {
    const mark = message.indexOf(', sasl_username=', end + 14);
    if (mark === -1) return { client };
    const rest = message.slice(mark + 16);
    const userEnd = rest.indexOf(', sasl_sender=');
    const user = userEnd === -1 ? rest : rest.slice(0, userEnd);
    return user === '' ? { client } : { client, user };
  }

  let at = end;
  let originalQueueId: string | undefined;
  if (message.startsWith(', orig_queue_id=', at)) {
    const length = queueIdLength(message, at + 16);
    if (length === 0) return null;
    originalQueueId = message.slice(at + 16, at + 16 + length);
    at += 16 + length;
  }
  let originalClient: Peer | null = null;
  if (message.startsWith(', orig_client=', at)) {
    const stop = peerEnd(message, at + 14);
    originalClient = stop === -1 ? null : parsePeer(message.slice(at + 14, stop));
    if (originalClient === null) return null;
    at = stop;
  }
  if (at !== message.length) return null;
  return {
    client,
    ...(originalClient !== null && { originalClient }),
    ...(originalQueueId !== undefined && { originalQueueId }),
  };
}
