import type { LineResult } from '../adapter.ts';
import { type Context, connectionKey, ignored } from './context.ts';
import { loginFailedEvent } from './events.ts';
import { parsePeer, peerEnd } from './fields.ts';

/** `<trust> TLS connection <established|reused> <from|to> name[ip][:port]`. */
const tlsLine =
  /^(?:Anonymous|Untrusted|Trusted|Verified) TLS connection (?:established|reused) (?:from|to) /;

const failedLogin = /^: SASL [!-~]{1,100} authentication failed(?:: |$)/;

/** Lines without a queue id, of smtpd(8) and smtp(8): what they say of the connection. */
export function sessionLine(context: Context): LineResult {
  const { message, record, program, connections } = context;
  if (message.startsWith('connect from ') || message.startsWith('disconnect from ')) {
    const key = connectionKey(context);
    if (key !== undefined) connections.end(key);
    return ignored;
  }
  if (message.startsWith('warning: ') && program.daemon === 'smtpd') {
    const end = peerEnd(message, 9);
    if (end === -1 || !failedLogin.test(message.slice(end))) return ignored;
    const client = parsePeer(message.slice(9, end));
    if (client === null) return ignored;
    // The reason is the server's challenge or reply; the name, which the client chose, ends the line.
    const mark = message.indexOf(', sasl_username=', end);
    const user = mark === -1 ? undefined : message.slice(mark + 16);
    const named = user === '' || user === '(unavailable)' ? undefined : user;
    return { kind: 'understood', events: [loginFailedEvent(record, program, client, named)] };
  }
  const tls = tlsLine.exec(message);
  if (tls === null) return ignored;
  const start = tls[0].length;
  const end = peerEnd(message, start);
  const key = connectionKey(context);
  if (end !== -1 && key !== undefined) connections.begin(key, message.slice(start, end));
  return ignored;
}
