import type { MailServerAdapter } from '../adapter.ts';
import { DovecotCorrelator } from './correlator.ts';
import { dovecotEventProgram } from './event.ts';

export { dovecotEventProgram, parseDovecotEventHeader } from './event.ts';

/**
 * Dovecot 2.2 to 2.4, from its text log or from its exported JSON events.
 *
 * An operator chooses one of the two per server: they tell the same logins twice, and two sources are two
 * records. Text needs no configuration and lacks only the port, the envelope sender and the time of each
 * failed attempt; events have those, and are lost where their exporter loses them. JSON events that the
 * exporter's `log` transport writes into the text log itself are passed over as soon as that host's text
 * lines are seen.
 *
 * What gives which event:
 * - `session.login`: a login line, a proxied login, a successful `auth_request_finished`.
 * - `session.login_failed`: the login process's closing line, once per connection and whatever the number
 *   of attempts in it; a refusal by a user database in a connection that then does log in
 *   (`auth_verbose`); a refusal without a session, which is an SMTP server's client (`passdb_failed`,
 *   partial, because it is one database's answer); each unsuccessful `auth_request_finished`.
 * - `session.logout`: with the address of the login, by session id. One whose login is not there yet waits
 *   for it five seconds of the log's time (two processes write them), and is then told as `partial`.
 * - `mailbox.retrieved`: at logout, for a session that read message bodies (IMAP `body_count`, POP3
 *   `retr`), with the session's address.
 * - `message.delivered`: one for each copy that LMTP or LDA stored, forwarded or marked to be discarded.
 * - `message.accepted`, `message.rejected`: submission, and Sieve's or LMTP's refusals.
 */
export const dovecotAdapter: MailServerAdapter = {
  software: 'dovecot',
  claims: (program) => program === 'dovecot' || program === dovecotEventProgram,
  createCorrelator: (state, options) => new DovecotCorrelator(state, options),
};
