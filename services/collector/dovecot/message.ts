import { normalizeIp } from '#shared/traffic';
import { parseAuthLine } from './auth-line.ts';
import { parseDeliveryLine } from './delivery-line.ts';
import { parseLoginLine } from './login-line.ts';
import {
  ignored,
  notUnderstood,
  observed,
  type Parsed,
  present,
  type SessionService,
} from './observation.ts';
import { parsePrefix } from './prefix.ts';
import { parseSessionLine } from './session-line.ts';

/** A client-facing process's name in the log, and the service that it serves. */
const loginServices: Readonly<Record<string, SessionService>> = {
  imap: 'imap',
  pop3: 'pop3',
  managesieve: 'managesieve',
  sieve: 'managesieve',
  submission: 'submission',
};

const login = /^([a-z0-9]+)-login: (?:(Debug|Info|Warning|Error|Fatal|Panic): )?/;
const peer = /^lmtp\((\d+)\): (?:Info: )?(Connect|Disconnect) from (\S+?):?(?: |$)/;
const auth = /^auth(?:-worker)?(?=[(:])/;

/** Parses one text message, as it stands after the syslog header or Dovecot's own time stamp. */
export function parseMessage(message: string): Parsed {
  const loginPrefix = login.exec(message);
  if (loginPrefix !== null) {
    const service = loginServices[loginPrefix[1] ?? ''];
    // What a login process reports above Info is about itself, or comes again in the line that ends the attempt.
    if (service === undefined || (loginPrefix[2] ?? 'Info') !== 'Info') return ignored;
    return parseLoginLine(service, message.slice(loginPrefix[0].length));
  }
  const authPrefix = auth.exec(message);
  if (authPrefix !== null) return parseAuthLine(message.slice(authPrefix[0].length));
  const peerFound = peer.exec(message);
  if (peerFound !== null) return parsePeer(peerFound);

  const prefixed = parsePrefix(message);
  if (prefixed === 'ambiguous') return notUnderstood('dovecot.prefix_ambiguous');
  if (prefixed === 'none' || (prefixed.level ?? 'Info') !== 'Info') return ignored;
  const { process, party, pid, text } = prefixed;
  return process === 'lmtp' || process === 'lda'
    ? parseDeliveryLine(process, pid, party, text)
    : parseSessionLine(process, party, text);
}

function parsePeer([, pid, verb, address]: RegExpExecArray): Parsed {
  // `local` is a UNIX socket, which has no address.
  const ip = verb === 'Connect' ? normalizeIp(address ?? '') : undefined;
  return observed({ kind: 'peer', pid: pid ?? '', ...present('ip', ip) });
}
