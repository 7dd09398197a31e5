/*
 * Why a login ended before it began. Dovecot 2.4 writes a stable word after its sentence,
 * `(auth failed, 1 attempts in 2 secs) (auth_failed)`; 2.3 has the sentence only. 2.4's word is the
 * outcome of both, so that a query finds the same cause whatever the version.
 */

/** Endings without an attempt to log in: port scans, health checks, a server that shuts down. */
const noAttempt = new Set([
  'no_auth_attempts',
  'auth_process_not_ready',
  'tls_handshake_not_finished',
  'shutting_down',
  'process_full',
  'auth_nologin_referral',
]);

/** Sentences of 2.3 and earlier, as they begin inside the brackets (client_get_extra_disconnect_reason). */
const sentences: readonly (readonly [RegExp, string])[] = [
  [/^no auth attempts/, 'no_auth_attempts'],
  [/^disconnected before (?:auth|greeting)/, 'auth_process_not_ready'],
  [/^disconnected during TLS handshake/, 'tls_handshake_not_finished'],
  [/^auth failed/, 'auth_failed'],
  [/^authorization failed/, 'authorization_failed'],
  [/^auth service reported temporary failure/, 'temp_fail'],
  [/^auth process communication failure/, 'auth_process_comm_fail'],
  [/^client didn't finish SASL auth/, 'auth_waiting_client'],
  [/^disconnected while (?:authenticating|finishing login)/, 'auth_aborted_by_client'],
  [/^aborted authentication/, 'auth_aborted_by_client'],
  [/^tried to use disallowed (?:plaintext|cleartext) auth/, 'cleartext_auth_disabled'],
  [/^tried to use unsupported auth mechanism/, 'invalid_mech'],
  [/^sent invalid base64/, 'invalid_base64'],
  [/^user disabled/, 'user_disabled'],
  [/^password expired/, 'password_expired'],
  [/^login disabled/, 'login_disabled'],
  [/^proxy dest auth failed/, 'proxy_dest_auth_failed'],
  [/^internal failure/, 'internal_failure'],
  [/^cert required, client didn't start TLS/, 'client_ssl_not_started'],
  [/^client didn't send a cert/, 'client_ssl_cert_missing'],
  [/^client sent an? (?:invalid|untrusted) cert/, 'client_ssl_cert_untrusted'],
];

/** How a login process's line says that a connection ended without a login. */
const endings =
  /^(?:Disconnected\b|Aborted login\b|Login aborted\b|Internal login failure\b|Connection closed\b)/;

export type Ending =
  | { readonly kind: 'failed'; readonly outcome: string }
  | { readonly kind: 'noAttempt' }
  /** Not such a line. */
  | { readonly kind: 'other' }
  /** Such a line, with a cause that is not in the table. */
  | { readonly kind: 'unknownCause' };

/** @param text what stands between the process's name and `: user=<`. */
export function parseEnding(text: string): Ending {
  if (text.startsWith('Maximum number of connections from user+IP exceeded')) {
    return { kind: 'failed', outcome: 'connection_limit' };
  }
  if (!endings.test(text)) return { kind: 'other' };
  const cause = causeOf(text);
  // Before 2.1 an aborted connection was logged without any cause.
  if (cause === undefined) return text.includes('(') ? { kind: 'unknownCause' } : { kind: 'noAttempt' };
  return noAttempt.has(cause) ? { kind: 'noAttempt' } : { kind: 'failed', outcome: cause };
}

function causeOf(text: string): string | undefined {
  const word = /\) \(([a-z][a-z_]{2,40})\)$/.exec(text)?.[1];
  if (word !== undefined) return word;
  const open = text.lastIndexOf('(');
  if (open === -1 || !text.endsWith(')')) return undefined;
  const sentence = text.slice(open + 1, -1);
  return sentences.find(([pattern]) => pattern.test(sentence))?.[1];
}
