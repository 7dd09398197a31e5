/** A mailbox user: the login name is the address. */
export interface MailUser {
  readonly address: string;
  readonly password: string;
}

/** Where mail for a foreign domain goes: an SMTP server on a loopback address. */
export interface RelayTarget {
  /** A loopback address, or a name that resolves to one: it is what the log shows as `relay=`. */
  readonly host: string;
  readonly port: number;
}

export interface MailServersOptions {
  /** Mail server's name, in Postfix's log lines and greetings. */
  readonly hostName: string;
  /** Domains whose mailboxes are here. Everything else is relayed or refused. */
  readonly domains: readonly string[];
  readonly users: readonly MailUser[];
  /** Address to the addresses it stands for (Postfix `virtual_alias_maps`). */
  readonly aliases?: Readonly<Record<string, readonly string[]>>;
  /** Foreign domain to its server. A domain that is not here is no route: nothing leaves loopback. */
  readonly relays?: Readonly<Record<string, RelayTarget>>;
  /** IANA zone of both servers' log times. Default UTC. */
  readonly timeZone?: string;
  /** Look up client names, for machines (or mount namespaces) whose hosts file has them. Default false. */
  readonly lookUpClientNames?: boolean;
  /** More `main.cf` parameters, e.g. `enable_long_queue_ids`. */
  readonly postfix?: Readonly<Record<string, string>>;
  /** More lines of `dovecot.conf`. */
  readonly dovecot?: string;
}

/** Ports on 127.0.0.1. The `proxied` ones expect a PROXY protocol header before the first byte. */
export interface MailServerPorts {
  readonly smtp: number;
  readonly smtpProxied: number;
  readonly submission: number;
  readonly submissionProxied: number;
  readonly imap: number;
  readonly imapProxied: number;
  readonly pop3: number;
  readonly pop3Proxied: number;
  readonly managesieve: number;
  readonly managesieveProxied: number;
}

/** Folders and files of one running pair of servers, all under `root`. */
export interface MailServerPaths {
  readonly root: string;
  readonly postfixConfig: string;
  readonly postfixQueue: string;
  readonly postfixData: string;
  readonly postfixLog: string;
  readonly dovecotConfig: string;
  readonly dovecotRun: string;
  readonly dovecotUsers: string;
  readonly dovecotLog: string;
  readonly mail: string;
  readonly certificate: string;
  readonly key: string;
}

export function pathsUnder(root: string): MailServerPaths {
  return {
    root,
    postfixConfig: `${root}/postfix/etc`,
    postfixQueue: `${root}/postfix/queue`,
    postfixData: `${root}/postfix/data`,
    postfixLog: `${root}/log/postfix.log`,
    dovecotConfig: `${root}/dovecot/dovecot.conf`,
    dovecotRun: `${root}/dovecot/run`,
    dovecotUsers: `${root}/dovecot/users`,
    dovecotLog: `${root}/log/dovecot.log`,
    mail: `${root}/mail`,
    certificate: `${root}/tls/certificate.pem`,
    key: `${root}/tls/key.pem`,
  };
}
