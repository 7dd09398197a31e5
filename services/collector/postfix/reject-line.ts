import { addressEnd, isAddressSpan, type Peer, parsePeer, peerEnd, replyCodeAt } from './fields.ts';

/** What a line about a refused command or message tells. Addresses are as logged. */
export interface RejectLine {
  /** The client; absent where the line is about content and names it after the content only. */
  readonly client?: Peer;
  readonly replyCode?: number;
  readonly dsn?: string;
  /** Empty for the null reverse-path. */
  readonly sender?: string;
  readonly recipient?: string;
  readonly protocol?: string;
  /** Name that the client has authenticated as (Postfix logs it from 3.5 on). */
  readonly user?: string;
  /** The part after the text was found: what is absent was not known to Postfix. */
  readonly whole: boolean;
}

type Envelope = Pick<RejectLine, 'sender' | 'recipient' | 'protocol' | 'user' | 'whole'>;

/**
 * smtpd(8) and Milter replies: `RCPT from host[ip]: 550 5.1.1 text; from=<…> to=<…> proto=… helo=<…>`.
 *
 * The client and the codes are read from the left, where everything is Postfix's. The text that follows
 * repeats what the client said, so the envelope is read from the right: Postfix replaces blanks, brackets
 * and quotes in the HELO name, which makes the last ` helo=<` its own.
 * @param start index after the action and its colon.
 */
export function parseReject(message: string, start: number): RejectLine | null {
  // A proxy filter's answer: `END-OF-MESSAGE: 550 5.7.1 text; …`, with no client.
  const bare = /^[A-Z-]{4,16}: /.exec(message.slice(start, start + 20))?.[0];
  if (bare !== undefined) {
    return { ...codesAt(message, start + bare.length), ...envelopeFromRight(message), whole: false };
  }
  const from = message.indexOf(' from ', start);
  // Commands are one word (`RCPT`, `END-OF-MESSAGE`): anything else is another kind of line.
  if (from === -1 || message.slice(start, from).includes(' ')) return null;
  const end = peerEnd(message, from + 6);
  if (end === -1) return null;
  const client = parsePeer(message.slice(from + 6, end));
  if (client === null) return null;
  if (message.charCodeAt(end) !== 0x3a) return { client, whole: false };
  return { client, ...codesAt(message, end + 2), ...envelopeFromRight(message) };
}

/**
 * cleanup(8)'s header and body checks: `header <content> from host[ip]; from=<…> to=<…> proto=… helo=<…>: text`.
 * The content is the message's own and is skipped unread; the envelope is found from the right.
 */
export function parseContentReject(message: string): RejectLine {
  return envelopeFromRight(message);
}

/**
 * postscreen(8): `RCPT from [ip]:port: 550 5.7.1 text; from=<…>, to=<…>, proto=…, helo=<…>`. Its text is
 * fixed, but its HELO name is as the client gave it: the line is read from the left.
 */
export function parsePostscreenReject(message: string, start: number): RejectLine | null {
  const from = message.indexOf(' from ', start);
  if (from === -1) return null;
  const end = peerEnd(message, from + 6);
  if (end === -1) return null;
  const client = parsePeer(message.slice(from + 6, end));
  if (client === null) return null;
  const codes = codesAt(message, end + 2);
  const mark = message.indexOf('; from=<', end);
  if (mark === -1) return { client, ...codes, whole: message.startsWith('CONNECT', start) };
  const senderEnd = addressEnd(message, mark + 8);
  if (senderEnd === -1 || !message.startsWith('>, to=<', senderEnd))
    return { client, ...codes, whole: false };
  const sender = message.slice(mark + 8, senderEnd);
  const recipientEnd = addressEnd(message, senderEnd + 7);
  if (recipientEnd === -1) return { client, ...codes, sender, whole: false };
  const recipient = message.slice(senderEnd + 7, recipientEnd);
  const protocol = /^>, proto=([A-Z]+), /.exec(message.slice(recipientEnd, recipientEnd + 32))?.[1];
  return {
    client,
    ...codes,
    sender,
    recipient,
    ...(protocol && { protocol }),
    whole: protocol !== undefined,
  };
}

function codesAt(message: string, at: number): Pick<RejectLine, 'replyCode' | 'dsn'> {
  const replyCode = replyCodeAt(message, at);
  const dsnAt = replyCode === undefined ? at : at + 4;
  const dsn = /^([245]\.\d{1,3}\.\d{1,3})\s/.exec(message.slice(dsnAt, dsnAt + 12))?.[1];
  return { ...(replyCode !== undefined && { replyCode }), ...(dsn !== undefined && { dsn }) };
}

/** What may follow Postfix's own part is the operator's text; it holds few of these by chance. */
const maxTails = 4;

/** The last of these is Postfix's own; a user name and a rule's text may follow it. */
const tailPattern = /^ proto=([A-Z]{1,16})(?: helo=<[^<> ]*>)?(?: sasl_username=<(.*)>|: .*)?$/s;

function envelopeFromRight(message: string): Envelope {
  let at = message.lastIndexOf(' proto=');
  for (let tries = 0; at > 0 && tries < maxTails; tries++, at = message.lastIndexOf(' proto=', at - 1)) {
    const tail = tailPattern.exec(message.slice(at));
    if (tail === null) continue;
    const [, protocol = '', user] = tail;
    const found = { protocol, ...(user && { user }), whole: true };
    // `CONNECT from …; proto=SMTP`: no envelope yet.
    if (message.charCodeAt(at - 1) === 0x3b) return found;
    const addresses = addressesBefore(message, at - 1);
    if (addresses !== null) return { ...addresses, ...found };
  }
  return { whole: false };
}

/** `; from=<…>[ to=<…>]`, whose last `>` stands at `end`. */
function addressesBefore(message: string, end: number): Pick<RejectLine, 'sender' | 'recipient'> | null {
  if (message.charCodeAt(end) !== 0x3e) return null;
  const sender = addressBefore(message, '; from=<', end);
  if (sender !== null) return { sender: sender.address };
  const recipient = addressBefore(message, ' to=<', end);
  if (recipient === null) return null;
  const before = addressBefore(message, '; from=<', recipient.mark - 1);
  return before === null ? null : { sender: before.address, recipient: recipient.address };
}

/** The address that is introduced by `mark` and ends at `end`, looking from the right. */
function addressBefore(message: string, mark: string, end: number): { address: string; mark: number } | null {
  for (let at = message.lastIndexOf(mark, end); at >= 0; at = message.lastIndexOf(mark, at - 1)) {
    const start = at + mark.length;
    if (isAddressSpan(message, start, end)) return { address: message.slice(start, end), mark: at };
    if (at === 0) break;
  }
  return null;
}
