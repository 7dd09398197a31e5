import {
  ignored,
  notUnderstood,
  observed,
  type Parsed,
  type Party,
  present,
  type SessionService,
  toCount,
} from './observation.ts';

/*
 * Lines of a logged-in session, after `imap(alice)<17636><XhPEpOBgyMh/AAAB>: Info: `. The reasons of a
 * disconnect are the server's own words, and none of them is copied; the counters stand at the end:
 *
 *   imap         … in=183 out=1469 deleted=0 … body_count=1 body_bytes=328
 *   pop3         … top=1/319, retr=1/344, del=0/2, size=357
 *   managesieve  … bytes=359/95               (imap before 2.2.10 too)
 *   submission   … in=439 out=277
 */

export const sessionStart =
  /^(?:Disconnected\b|Logged out\b|Connection closed\b|Server shutting down\b|Shutting down\b|Successfully relayed message: )/;

const inOut = / in=(\d+) out=(\d+)((?: [a-z_]+=\d+)*)$/;
const pop3Counters = / top=\d+\/(\d+),? retr=(\d+)\/(\d+),? del=\d+\/\d+,? size=\d+$/;
const pair = / bytes=(\d+)\/(\d+)$/;

/** @param text what follows the prefix and level. */
export function parseSessionLine(service: SessionService, party: Party, text: string): Parsed {
  if (!sessionStart.test(text)) return ignored;
  if (text.startsWith('Successfully relayed message: ')) return parseRelayed(party, text);
  return observed({ kind: 'logout', service, from: {}, ...party, ...counters(text) });
}

function counters(text: string): { received?: number; sent?: number; retrieved: boolean } {
  const io = inOut.exec(text);
  if (io !== null) {
    const bodies = toCount(/ body_count=(\d+)/.exec(io[3] ?? '')?.[1]) ?? 0;
    return {
      ...present('received', toCount(io[1])),
      ...present('sent', toCount(io[2])),
      retrieved: bodies > 0,
    };
  }
  const pop3 = pop3Counters.exec(text);
  if (pop3 !== null) {
    // POP3 counts what it sent of messages (TOP and RETR), not its whole traffic.
    const sent = (toCount(pop3[1]) ?? 0) + (toCount(pop3[3]) ?? 0);
    return {
      ...present('sent', Number.isSafeInteger(sent) ? sent : undefined),
      retrieved: (toCount(pop3[2]) ?? 0) > 0,
    };
  }
  const bytes = pair.exec(text);
  return {
    ...present('received', toCount(bytes?.[1])),
    ...present('sent', toCount(bytes?.[2])),
    retrieved: false,
  };
}

/** Of the relay's reply the code and the enhanced code are read; the text after them is not. */
const relayed =
  /^Successfully relayed message: from=<([^<>]*)>, size=(\d+), id=[^\s,]+, nrcpt=(\d+), reply=`(\d{3})(?:[ -]([245]\.\d{1,3}\.\d{1,3})\b)?/;

function parseRelayed(party: Party, text: string): Parsed {
  const found = relayed.exec(text);
  if (found === null) return notUnderstood('dovecot.relayed');
  return observed({
    kind: 'submitted',
    accepted: true,
    from: {},
    ...party,
    message: {
      ...present('sender', found[1]),
      ...present('size', toCount(found[2])),
      ...present('recipientCount', toCount(found[3])),
      ...present('replyCode', toCount(found[4])),
      ...present('dsn', found[5]),
    },
  });
}
