import { programs } from './available.ts';
import type { MailServerPaths, MailServerPorts, MailServersOptions } from './options.ts';

/** `main.cf`: no DNS, no route but those given, delivery into Dovecot's LMTP, logins by Dovecot's SASL. */
export function mainCf(options: MailServersOptions, paths: MailServerPaths): string {
  const parameters: Record<string, string> = {
    compatibility_level: '3.6',
    command_directory: '/usr/sbin',
    daemon_directory: programs.postfixDaemons,
    queue_directory: paths.postfixQueue,
    data_directory: paths.postfixData,
    mail_owner: 'postfix',
    setgid_group: 'postdrop',
    maillog_file: paths.postfixLog,
    maillog_file_prefixes: paths.root,
    myhostname: options.hostName,
    myorigin: options.domains[0] ?? options.hostName,
    mydestination: '',
    alias_maps: '',
    alias_database: '',
    mynetworks: '',
    inet_interfaces: 'loopback-only',
    // Local names and literal addresses only: no query leaves the machine.
    smtp_dns_support_level: 'disabled',
    smtp_host_lookup: 'native',
    smtpd_peername_lookup: options.lookUpClientNames === true ? 'yes' : 'no',
    smtpd_client_port_logging: 'yes',
    smtpd_authorized_xclient_hosts: '127.0.0.0/8, [::1]',
    smtpd_authorized_xforward_hosts: '127.0.0.0/8, [::1]',
    smtpd_relay_restrictions: 'permit_sasl_authenticated, reject_unauth_destination',
    smtpd_sasl_type: 'dovecot',
    smtpd_sasl_path: 'private/auth',
    smtpd_tls_security_level: 'may',
    smtpd_tls_cert_file: paths.certificate,
    smtpd_tls_key_file: paths.key,
    smtpd_tls_loglevel: '1',
    smtpd_client_connection_count_limit: '0',
    // Tests break rules on purpose; the server need not take its time over each.
    smtpd_error_sleep_time: '0',
    in_flow_delay: '0',
    recipient_delimiter: '+',
    virtual_mailbox_domains: options.domains.join(' '),
    virtual_mailbox_maps: `texthash:${paths.postfixConfig}/mailboxes`,
    virtual_alias_maps: `texthash:${paths.postfixConfig}/aliases`,
    virtual_transport: 'lmtp:unix:private/dovecot-lmtp',
    transport_maps: `texthash:${paths.postfixConfig}/transport`,
    default_transport: 'error:5.4.4 no route to this domain',
    ...options.postfix,
  };
  return lines(Object.entries(parameters).map(([name, value]) => `${name} = ${value}`));
}

/** `master.cf`: Debian's services without chroot; the ports are ours. */
export function masterCf(ports: MailServerPorts): string {
  const submission = [
    '  -o syslog_name=postfix/submission',
    '  -o smtpd_sasl_auth_enable=yes',
    '  -o smtpd_recipient_restrictions=',
    '  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject',
  ];
  const proxied = '  -o smtpd_upstream_proxy_protocol=haproxy';
  return lines([
    `127.0.0.1:${ports.smtp} inet n - n - - smtpd`,
    `[::1]:${ports.smtp} inet n - n - - smtpd`,
    `127.0.0.1:${ports.smtpProxied} inet n - n - - smtpd`,
    proxied,
    `127.0.0.1:${ports.submission} inet n - n - - smtpd`,
    ...submission,
    `127.0.0.1:${ports.submissionProxied} inet n - n - - smtpd`,
    proxied,
    ...submission,
    'pickup unix n - n 60 1 pickup',
    'cleanup unix n - n - 0 cleanup',
    // Woken often: a reload may lose the word of a new message, which then waits for the next waking.
    'qmgr unix n - n 5 1 qmgr',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'verify unix - - n - 1 verify',
    'flush unix n - n 1000? 0 flush',
    'proxymap unix - - n - - proxymap',
    'smtp unix - - n - - smtp',
    'relay unix - - n - - smtp',
    'showq unix n - n - - showq',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'discard unix - - n - - discard',
    'local unix - n n - - local',
    'virtual unix - n n - - virtual',
    'lmtp unix - - n - - lmtp',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'postlog unix-dgram n - n - 1 postlogd',
  ]);
}

/** Lookup tables: file name under the configuration folder to its text. */
export function postfixTables(options: MailServersOptions): Record<string, string> {
  return {
    mailboxes: lines(options.users.map((user) => `${user.address} ${user.address}`)),
    aliases: lines(
      Object.entries(options.aliases ?? {}).map(([alias, targets]) => `${alias} ${targets.join(', ')}`),
    ),
    transport: lines(
      Object.entries(options.relays ?? {}).map(
        ([domain, target]) => `${domain} smtp:[${target.host}]:${target.port}`,
      ),
    ),
  };
}

const lines = (all: readonly string[]): string => `${all.join('\n')}\n`;
