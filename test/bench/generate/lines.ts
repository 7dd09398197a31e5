import type { Database } from '#shared/store';
import { type Happening, happeningsQuery } from './happenings.ts';
import { daysOf, type TrafficPlan } from './plan.ts';

/*
 * The log of the same happenings, as rsyslog writes what Postfix 3.7 and Dovecot 2.3 on several hosts send it:
 * RFC 3339 times, lines of different messages between one another.
 */

interface Line {
  readonly at: number;
  readonly host: string;
  readonly text: string;
}

const delays = 'delay=0.42, delays=0.1/0.02/0.1/0.2';
/** Postfix's and Dovecot's process ids say nothing that an event has. */
const pidOf = (h: Happening, base: number): number => base + (h.atMs % 997);

/** All lines of one happening, in the order of time. */
export function linesOf(h: Happening): Line[] {
  switch (h.kind) {
    case 'inbound':
    case 'outbound':
      return messageLines(h);
    case 'rejected':
      return rejectLines(h);
    case 'session':
      return sessionLines(h);
    case 'guess':
      return [
        dovecot(
          h,
          2100,
          `${h.protocol}-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): ${loginElements(h)}`,
        ),
      ];
  }
}

function postfix(h: Happening, ms: number, text: string): Line {
  return { at: h.atMs + ms, host: h.mx, text: `postfix/${text}` };
}

function dovecot(h: Happening, ms: number, text: string): Line {
  return { at: h.atMs + ms, host: h.store, text: `dovecot: ${text}` };
}

const client = (h: Happening): string => `${h.clientName === '' ? 'unknown' : h.clientName}[${h.clientIp}]`;

function messageLines(h: Happening): Line[] {
  const { queueId: id, kind } = h;
  const submitted = kind === 'outbound';
  const smtpd = `${submitted ? 'submission/' : ''}smtpd[${pidOf(h, 1000)}]`;
  const lines = [postfix(h, 0, `${smtpd}: connect from ${client(h)}`)];
  if (submitted) {
    const tls =
      'TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256';
    lines.push(
      postfix(h, 5, `${smtpd}: Anonymous TLS connection established from ${client(h)}: ${tls}`),
      postfix(h, 10, `${smtpd}: ${id}: client=${client(h)}, sasl_method=PLAIN, sasl_username=${h.mailbox}`),
    );
  } else lines.push(postfix(h, 10, `${smtpd}: ${id}: client=${client(h)}`));
  const sender = submitted ? h.mailbox : h.partner;
  const count = h.recipients.length;
  lines.push(
    postfix(h, 25, `cleanup[${pidOf(h, 2000)}]: ${id}: message-id=<${h.messageId}>`),
    postfix(
      h,
      submitted ? 60 : 40,
      `qmgr[812]: ${id}: from=<${sender}>, size=${h.sizeOctets}, nrcpt=${count} (queue active)`,
    ),
    postfix(
      h,
      70,
      `${smtpd}: disconnect from ${client(h)} ehlo=1 mail=1 rcpt=${count} data=1 quit=1 commands=${4 + count}`,
    ),
  );
  lines.push(...h.recipients.flatMap((_, n) => (submitted ? handOver(h, n) : deliver(h, n))));
  if (!h.fates.includes('deferred') || !submitted) {
    lines.push(postfix(h, submitted ? 910 + 200 * count : 210 + 30 * count, `qmgr[812]: ${id}: removed`));
  }
  return lines;
}

function deliver(h: Happening, n: number): Line[] {
  const [recipient, session] = [h.recipients[n], h.sessionIds[n]];
  const relay = `${h.store}.host.example[10.255.0.${h.store.slice(4)}]:24`;
  return [
    dovecot(
      h,
      190 + 30 * n,
      `lmtp(${recipient})<${pidOf(h, 5000)}><${session}>: msgid=<${h.messageId}>: saved mail to INBOX`,
    ),
    postfix(
      h,
      200 + 30 * n,
      `lmtp[${pidOf(h, 3000)}]: ${h.queueId}: to=<${recipient}>, relay=${relay}, ${delays}, dsn=2.0.0, status=sent (250 2.0.0 <${recipient}> ${session} Saved)`,
    ),
  ];
}

function handOver(h: Happening, n: number): Line[] {
  const [recipient, host, ip] = [h.recipients[n], h.partnerHosts[n], h.partnerIps[n]];
  const outcome =
    h.fates[n] === 'sent'
      ? `relay=${host}[${ip}]:25, ${delays}, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as ${h.sessionIds[n]?.slice(0, 10)})`
      : h.fates[n] === 'deferred'
        ? `relay=none, ${delays}, dsn=4.4.1, status=deferred (connect to ${host}[${ip}]:25: Connection timed out)`
        : `relay=${host}[${ip}]:25, ${delays}, dsn=5.1.1, status=bounced (host ${host}[${ip}] said: 550 5.1.1 <${recipient}>: Recipient address rejected: User unknown (in reply to RCPT TO command))`;
  return [postfix(h, 900 + 200 * n, `smtp[${pidOf(h, 3000)}]: ${h.queueId}: to=<${recipient}>, ${outcome}`)];
}

const reasons: Readonly<Record<string, string>> = {
  '554 5.7.1': 'Client host rejected: listed by the block list',
  '450 4.7.1': 'Recipient address rejected: greylisted, try again later',
  '550 5.1.1': 'Recipient address rejected: User unknown in virtual mailbox table',
};

function rejectLines(h: Happening): Line[] {
  const smtpd = `smtpd[${pidOf(h, 1000)}]`;
  const [recipient] = h.recipients;
  const helo = h.clientName === '' ? `[${h.clientIp}]` : h.clientName;
  return [
    postfix(h, 0, `${smtpd}: connect from ${client(h)}`),
    postfix(
      h,
      20,
      `${smtpd}: NOQUEUE: reject: RCPT from ${client(h)}: ${h.refusal} <${recipient}>: ${reasons[h.refusal]}; from=<${h.partner}> to=<${recipient}> proto=ESMTP helo=<${helo}>`,
    ),
    postfix(h, 30, `${smtpd}: disconnect from ${client(h)} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4`),
  ];
}

function loginElements(h: Happening): string {
  return `user=<${h.mailbox}>, method=PLAIN, rip=${h.clientIp}, lip=10.255.0.9, ${h.kind === 'session' ? `mpid=${pidOf(h, 6000)}, ` : ''}TLS, session=<${h.sessionIds[0]}>`;
}

function sessionLines(h: Happening): Line[] {
  const counters =
    h.protocol === 'imap'
      ? `in=${h.bytesReceived} out=${h.bytesSent} deleted=0 expunged=0 trashed=0 hdr_count=0 hdr_bytes=0 body_count=${h.retrieved} body_bytes=${h.retrieved === 0 ? 0 : h.bytesSent}`
      : `top=0/0, retr=${h.retrieved}/${h.bytesSent}, del=0/${h.retrieved}, size=${h.bytesSent}`;
  return [
    dovecot(h, 0, `${h.protocol}-login: Login: ${loginElements(h)}`),
    dovecot(
      h,
      h.durationMs,
      `${h.protocol}(${h.mailbox})<${pidOf(h, 6000)}><${h.sessionIds[0]}>: Disconnected: Logged out ${counters}`,
    ),
  ];
}

/**
 * The log of a plan, in the order of time, in chunks of whole lines.
 * @param database any that runs queries; nothing of it is read.
 */
export async function* logOf(database: Database, plan: TrafficPlan): AsyncGenerator<string> {
  for (const day of daysOf(plan)) {
    // What is not written yet, by second.
    const waiting = new Map<number, Line[]>();
    let written = Math.floor(day.start / 1000);
    const upTo = (second: number): string => {
      let chunk = '';
      for (; written < second; written++) {
        const lines = waiting.get(written) ?? [];
        waiting.delete(written);
        lines.sort((a, b) => a.at - b.at);
        for (const { at, host, text } of lines) {
          chunk += `${new Date(at).toISOString().slice(0, 23)}+00:00 ${host} ${text}\n`;
        }
      }
      return chunk;
    };
    for await (const rows of database.rows({ text: happeningsText(day), parameters: {} })) {
      for (const row of rows as Happening[]) {
        for (const line of linesOf(numbersOf(row))) {
          const second = Math.floor(line.at / 1000);
          const at = waiting.get(second);
          if (at === undefined) waiting.set(second, [line]);
          else at.push(line);
        }
      }
      const last = rows.at(-1) as Happening | undefined;
      if (last !== undefined) yield upTo(Math.floor(Number(last.atMs) / 1000));
    }
    yield upTo(Math.ceil(day.start / 1000) + 86_400 + 60);
  }
}

function happeningsText(day: Parameters<typeof happeningsQuery>[0]): string {
  const names = [
    'kind, atMs, mx, store, mailbox, partner, clientIp, clientName, partnerIps, partnerHosts, recipients',
    'fates, queueId, messageId, sizeOctets, sessionIds, protocol, durationMs, bytesReceived, bytesSent',
    'retrieved, refusal',
  ];
  return `SELECT ${names.join(', ')} FROM (${happeningsQuery(day)}) ORDER BY number SETTINGS max_threads = 1`;
}

/** 64-bit integers come as text. */
function numbersOf(row: Happening): Happening {
  const { atMs, sizeOctets, durationMs, bytesReceived, bytesSent, retrieved } = row;
  return {
    ...row,
    atMs: Number(atMs),
    sizeOctets: Number(sizeOctets),
    durationMs: Number(durationMs),
    bytesReceived: Number(bytesReceived),
    bytesSent: Number(bytesSent),
    retrieved: Number(retrieved),
  };
}
