import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

/** What a generated log is made of. */
export interface LogShape {
  /** Messages that come and go. */
  readonly messages: number;
  /** Messages open at the same time: their lines are interleaved. */
  readonly concurrent: number;
  /** Leaves the messages in the queue: no delivery, no `removed`. */
  readonly stayOpen?: boolean;
}

const start = Date.UTC(2026, 10, 1);
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function stamp(ms: number): string {
  const at = new Date(ms);
  return `${months[at.getUTCMonth()]} ${String(at.getUTCDate()).padStart(2)} ${at.toISOString().slice(11, 19)} mx1`;
}

/** Lines of one message's life, as Postfix 3.7 writes them, with the mix of a mail exchanger. */
function linesOf(n: number, stayOpen: boolean): string[] {
  const id =
    (0x1_0000 + ((n * 7919) % 0xe_ffff)).toString(16).toUpperCase() +
    (0x17a000 + n).toString(16).toUpperCase();
  const ip = `198.51.${100 + (n % 100)}.${1 + (n % 250)}`;
  const client = `mail${n % 5000}.example${n % 900}.net[${ip}]`;
  const pid = 1000 + (n % 400);
  const from = `sender.${n % 20_000}@example${n % 900}.net`;
  const submitted = n % 3 === 0;
  const smtpd = submitted ? 'postfix/submission/smtpd' : 'postfix/smtpd';
  const auth = submitted ? `, sasl_method=PLAIN, sasl_username=user${n % 7000}@example.nl` : '';
  const begin = [
    `${smtpd}[${pid}]: connect from ${client}`,
    `${smtpd}[${pid}]: ${id}: client=${client}${auth}`,
    `postfix/cleanup[${pid + 1000}]: ${id}: message-id=<${n}.20261122170340.${id}@mail.example${n % 900}.net>`,
    `postfix/qmgr[812]: ${id}: from=<${from}>, size=${2000 + (n % 90_000)}, nrcpt=${1 + (n % 2)} (queue active)`,
    `${smtpd}[${pid}]: disconnect from ${client} ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5`,
  ];
  if (stayOpen) return begin;
  const lines = n % 7 === 0 ? [rejectLine(n, pid, client, from), ...begin] : begin;
  for (let r = 0; r <= n % 2; r++) lines.push(deliveryLine(n, r, pid, id, submitted));
  if (n % 25 === 0) lines.push(deliveryLine(n + 1, 0, pid, id, submitted));
  lines.push(`postfix/qmgr[812]: ${id}: removed`);
  return lines;
}

function rejectLine(n: number, pid: number, client: string, from: string): string {
  return `postfix/smtpd[${pid}]: NOQUEUE: reject: RCPT from ${client}: 550 5.1.1 <nobody${n}@example.nl>: Recipient address rejected: User unknown in virtual mailbox table; from=<${from}> to=<nobody${n}@example.nl> proto=ESMTP helo=<mail${n % 5000}.example${n % 900}.net>`;
}

function deliveryLine(n: number, r: number, pid: number, id: string, outgoing: boolean): string {
  const delays = 'delay=0.42, delays=0.1/0.02/0.1/0.2';
  if (n % 25 === 0) {
    return `postfix/smtp[${pid + 2000}]: ${id}: to=<away${n}@example${n % 800}.org>, relay=mx.example${n % 800}.org[203.0.113.${n % 250}]:25, ${delays}, dsn=4.2.2, status=deferred (host mx.example${n % 800}.org[203.0.113.${n % 250}] said: 452 4.2.2 The email account that you tried to reach is over quota (in reply to RCPT TO command))`;
  }
  if (outgoing) {
    return `postfix/smtp[${pid + 2000}]: ${id}: to=<friend${n + r}@example${n % 800}.org>, relay=mx.example${n % 800}.org[203.0.113.${n % 250}]:25, ${delays}, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4Xh7tQ${1000 + (n % 9000)}zbcD)`;
  }
  return `postfix/lmtp[${pid + 2000}]: ${id}: to=<user${(n + r) % 7000}@example.nl>, relay=mx1.example.nl[private/dovecot-lmtp], ${delays}, dsn=2.0.0, status=sent (250 2.0.0 <user${(n + r) % 7000}@example.nl> aBcDeF${n}Saved)`;
}

/** Writes a log with time going on by a few milliseconds a line; returns its number of lines. */
export async function writeLog(path: string, shape: LogShape): Promise<number> {
  const out = createWriteStream(path);
  const open: string[][] = [];
  let started = 0;
  let lines = 0;
  let chunk: string[] = [];
  while (started < shape.messages || open.length > 0) {
    while (open.length < shape.concurrent && started < shape.messages) {
      open.push(linesOf(started++, shape.stayOpen ?? false));
    }
    for (let slot = 0; slot < open.length; slot++) {
      const line = open[slot]?.shift();
      if (line !== undefined) chunk.push(`${stamp(start + lines++ * 5)} ${line}\n`);
    }
    for (let slot = open.length - 1; slot >= 0; slot--) if (open[slot]?.length === 0) open.splice(slot, 1);
    if (chunk.length > 5_000) {
      if (!out.write(chunk.join(''))) await once(out, 'drain');
      chunk = [];
    }
  }
  out.end(chunk.join(''));
  await once(out, 'finish');
  return lines;
}
