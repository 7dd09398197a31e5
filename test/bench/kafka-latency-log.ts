/*
 * Lines of messages for the measurement of delays, as Postfix logs them with times in RFC 3339. Every
 * message gives two events, its arrival and its delivery; those of some recipients are looked for.
 */

/** Events that a message gives. */
export const eventsPerMessage = 2;

/** One message in so many is a probe. */
export const probeEvery = 100;

export const probePrefix = 'probe';

/** Whether the message's delivery is looked for. */
export const isProbe = (n: number): boolean => n % probeEvery === 0;

/** All lines of one message. @param at its time, RFC 3339 */
export function messageLines(n: number, at: string): string {
  const id =
    (0x1_0000 + ((n * 7919) % 0xe_ffff)).toString(16).toUpperCase() +
    (0x17a000 + n).toString(16).toUpperCase();
  const client = `mail${n % 5000}.example${n % 900}.net[198.51.${100 + (n % 100)}.${1 + (n % 250)}]`;
  const pid = 1000 + (n % 400);
  const recipient = `${isProbe(n) ? probePrefix : 'user'}${n}@example.nl`;
  const line = (text: string): string => `${at} mx1.example.nl postfix/${text}\n`;
  return [
    line(`smtpd[${pid}]: connect from ${client}`),
    line(`smtpd[${pid}]: ${id}: client=${client}`),
    line(`cleanup[${pid + 1000}]: ${id}: message-id=<${n}.20261122170340.${id}@mail.example${n % 900}.net>`),
    line(
      `qmgr[812]: ${id}: from=<sender.${n % 20_000}@example${n % 900}.net>, size=${2000 + (n % 90_000)}, nrcpt=1 (queue active)`,
    ),
    line(`smtpd[${pid}]: disconnect from ${client} ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5`),
    line(
      `lmtp[${pid + 2000}]: ${id}: to=<${recipient}>, relay=mx1.example.nl[private/dovecot-lmtp], delay=0.42, delays=0.1/0.02/0.1/0.2, dsn=2.0.0, status=sent (250 2.0.0 <${recipient}> aBcDeF${n} Saved)`,
    ),
    line(`qmgr[812]: ${id}: removed`),
  ].join('');
}
