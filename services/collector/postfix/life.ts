/**
 * What is kept of a message while it is in the queue. Values are in normal form; recipients are not kept.
 * Empty text and 0 stand for what is absent, so that the packed form is short.
 */
export interface Life {
  readonly key: string;
  readonly queueId: string;
  /** A checkpoint has held it: its end has to be told. Not part of the packed form. */
  stored: boolean;
  /** Time of the last line, in seconds since the epoch. */
  lastSecond: number;
  /** How the message came: unknown until one of the three was seen. */
  origin: 'unknown' | 'client' | 'local' | 'internal';
  submission: boolean;
  tls: boolean;
  /** qmgr(8) has announced it: sender, size and number of recipients are known. */
  queued: boolean;
  senderNull: boolean;
  messageIdHashed: boolean;
  clientIp: string;
  clientName: string;
  clientPort: number;
  proxyIp: string;
  user: string;
  sender: string;
  messageId: string;
  size: number;
  recipients: number;
  /** Queue id that this message came from. */
  related: string;
}

export function newLife(key: string, queueId: string, second: number): Life {
  return {
    key,
    queueId,
    stored: false,
    lastSecond: second,
    origin: 'unknown',
    submission: false,
    tls: false,
    queued: false,
    senderNull: false,
    messageIdHashed: false,
    clientIp: '',
    clientName: '',
    clientPort: 0,
    proxyIp: '',
    user: '',
    sender: '',
    messageId: '',
    size: 0,
    recipients: 0,
    related: '',
  };
}

const origins = ['unknown', 'client', 'local', 'internal'] as const;

/** The life as a short JSON text: it shares no memory with the lines it came from. */
export function packLife(life: Life): string {
  const flags =
    origins.indexOf(life.origin) |
    (life.submission ? 4 : 0) |
    (life.tls ? 8 : 0) |
    (life.queued ? 16 : 0) |
    (life.senderNull ? 32 : 0) |
    (life.messageIdHashed ? 64 : 0);
  let text = `[${life.lastSecond},${flags},${quoted(life.clientIp)},${quoted(life.clientName)},${quoted(life.messageId)}`;
  // What is most often absent comes last and is left out.
  const rare = life.related !== '' || life.clientPort > 0 || life.proxyIp !== '';
  const user = rare || life.user !== '';
  if (user || life.queued) text += `,${quoted(life.sender)},${life.size},${life.recipients}`;
  if (user) text += `,${quoted(life.user)}`;
  if (rare) text += `,${quoted(life.related)},${life.clientPort},${quoted(life.proxyIp)}`;
  return `${text}]`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has to escape them
const escaped = /["\\\u0000-\u001f\ud800-\udfff]/;

/** A JSON string. `JSON.stringify` makes its results old-generation garbage and is left to the odd ones. */
function quoted(text: string): string {
  return escaped.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** @throws SyntaxError where the text is no packed life. */
export function unpackLife(key: string, queueId: string, text: string): Life {
  const fields: unknown = JSON.parse(text);
  if (!Array.isArray(fields)) throw new SyntaxError('the checkpoint holds a broken queue life');
  const string = (index: number): string => (typeof fields[index] === 'string' ? fields[index] : '');
  const number = (index: number): number => (typeof fields[index] === 'number' ? fields[index] : 0);
  const flags = number(1);
  return {
    key,
    queueId,
    stored: true,
    lastSecond: number(0),
    origin: origins[flags & 3] ?? 'unknown',
    submission: (flags & 4) !== 0,
    tls: (flags & 8) !== 0,
    queued: (flags & 16) !== 0,
    senderNull: (flags & 32) !== 0,
    messageIdHashed: (flags & 64) !== 0,
    clientIp: string(2),
    clientName: string(3),
    messageId: string(4),
    sender: string(5),
    size: number(6),
    recipients: number(7),
    user: string(8),
    related: string(9),
    clientPort: number(10),
    proxyIp: string(11),
  };
}

/** Last second of a packed life, without unpacking it; NaN where the text is none. */
export function lastSecondOfPacked(text: string): number {
  return text.startsWith('[') ? Number.parseInt(text.slice(1, 17), 10) : Number.NaN;
}
