import { addressEnd, replyCodeAt } from './fields.ts';

/** One recipient's delivery attempt, as log_adhoc(3) writes it. Addresses are as logged. */
export interface DeliveryLine {
  readonly recipient: string;
  readonly originalRecipient?: string;
  /** `none`, `local`, `host[ip]:port`, `host[path]`, a transport's name. */
  readonly relay: string;
  readonly dsn: string;
  readonly status: string;
  readonly replyCode?: number;
  /** Queue id that the next hop gave in its reply (`queued as …`), or the forwarded message's own. */
  readonly nextQueueId?: string;
}

/**
 * `to=<…>, [orig_to=<…>,] relay=…, [conn_use=…,] delay=…, delays=…, dsn=…, status=… (text)`.
 *
 * Everything up to the first bracket after `status=` is Postfix's, but for the two addresses, which are
 * read by their own grammar. The text after it is the other server's: only a reply code and a queue id at
 * fixed places are taken from it, whatever else it says.
 * @param start index of `to=<`.
 */
export function parseDeliveryLine(message: string, start: number): DeliveryLine | null {
  const recipientEnd = addressEnd(message, start + 4);
  if (recipientEnd === -1) return null;
  let at = recipientEnd + 1;
  let originalRecipient: string | undefined;
  if (message.startsWith(', orig_to=<', at)) {
    const end = addressEnd(message, at + 11);
    if (end === -1) return null;
    originalRecipient = message.slice(at + 11, end);
    at = end + 1;
  }
  if (!message.startsWith(', relay=', at)) return null;
  const relayEnd = message.indexOf(', ', at + 8);
  if (relayEnd === -1) return null;
  const relay = message.slice(at + 8, relayEnd);
  at = relayEnd;
  if (message.startsWith(', conn_use=', at)) at = message.indexOf(', ', at + 11);
  if (at === -1 || !message.startsWith(', delay=', at)) return null;
  at = message.indexOf(', ', at + 8);
  if (at === -1 || !message.startsWith(', delays=', at)) return null;
  at = message.indexOf(', ', at + 9);
  if (at === -1 || !message.startsWith(', dsn=', at)) return null;
  const dsnEnd = message.indexOf(', ', at + 6);
  if (dsnEnd === -1 || !message.startsWith(', status=', dsnEnd)) return null;
  const statusEnd = message.indexOf(' (', dsnEnd + 9);
  if (statusEnd === -1) return null;

  const text = statusEnd + 2;
  const replyCode = replyCodeOf(message, text);
  const nextQueueId = nextQueueIdOf(message, text);
  return {
    recipient: message.slice(start + 4, recipientEnd),
    ...(originalRecipient !== undefined && { originalRecipient }),
    relay,
    dsn: message.slice(at + 6, dsnEnd),
    status: message.slice(dsnEnd + 9, statusEnd),
    ...(replyCode !== undefined && { replyCode }),
    ...(nextQueueId !== undefined && { nextQueueId }),
  };
}

/** `250 2.0.0 Ok …`, or `host name[address] said: 550 5.1.1 …`. */
function replyCodeOf(message: string, text: number): number | undefined {
  if (!message.startsWith('host ', text)) return replyCodeAt(message, text);
  const nameEnd = message.indexOf(' ', text + 5);
  return nameEnd !== -1 && message.startsWith(' said: ', nameEnd)
    ? replyCodeAt(message, nameEnd + 7)
    : undefined;
}

const nextQueueIdPattern = /(?: queued as |^forwarded as )([0-9A-Za-z]{6,24})\)$/;

function nextQueueIdOf(message: string, text: number): string | undefined {
  // The pattern ends the line, and a line without " as " near its end need not be looked at.
  if (message.indexOf(' as ', Math.max(text, message.length - 32)) === -1) return undefined;
  return nextQueueIdPattern.exec(message.slice(text))?.[1];
}
