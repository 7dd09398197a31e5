import type { MailServerPaths, MailServerPorts, MailServersOptions } from './options.ts';

/** A numeric user for mailboxes: Dovecot needs no entry in the system's user list. */
export const mailboxUid = 5000;

/** `dovecot.conf`: IMAP, POP3, LMTP and ManageSieve on loopback; SASL for Postfix. */
export function dovecotConf(
  options: MailServersOptions,
  paths: MailServerPaths,
  ports: MailServerPorts,
): string {
  const login = (service: string, name: string, port: number, proxiedPort: number): string => `
service ${service} {
  inet_listener ${name} {
    port = ${port}
  }
  inet_listener ${name}_proxied {
    port = ${proxiedPort}
    haproxy = yes
  }
  inet_listener ${name}s {
    port = 0
  }
}`;
  return `
base_dir = ${paths.dovecotRun}
state_dir = ${paths.dovecotRun}
log_path = ${paths.dovecotLog}
protocols = imap pop3 lmtp sieve
listen = 127.0.0.1
instance_name = ${paths.root}
hostname = ${options.hostName}
ssl = yes
ssl_cert = <${paths.certificate}
ssl_key = <${paths.key}
ssl_client_ca_dir =
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
recipient_delimiter = +
haproxy_trusted_networks = 127.0.0.0/8
mail_location = maildir:~/Maildir
first_valid_uid = ${mailboxUid}
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u ${paths.dovecotUsers}
}
userdb {
  driver = static
  args = uid=${mailboxUid} gid=${mailboxUid} home=${paths.mail}/%d/%n
}
namespace inbox {
  inbox = yes
}
service auth {
  unix_listener ${paths.postfixQueue}/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
service lmtp {
  unix_listener ${paths.postfixQueue}/private/dovecot-lmtp {
    mode = 0660
    user = postfix
    group = postfix
  }
}
service anvil {
  # No penalty for an address that failed before: tests fail on purpose.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
${login('imap-login', 'imap', ports.imap, ports.imapProxied)}
${login('pop3-login', 'pop3', ports.pop3, ports.pop3Proxied)}
${login('managesieve-login', 'sieve', ports.managesieve, ports.managesieveProxied)}
${options.dovecot ?? ''}
`.trimStart();
}

/** The passwd-file of all users. */
export function dovecotUsers(options: MailServersOptions): string {
  return options.users.map((user) => `${user.address}:{PLAIN}${user.password}::::::\n`).join('');
}
