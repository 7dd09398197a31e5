export { type Availability, mailServersAvailable } from './available.ts';
export type { ConnectOptions, ProxiedClient } from './line-connection.ts';
export { ImapClient, ManageSieveClient, Pop3Client } from './mailbox-clients.ts';
export type {
  MailServerPaths,
  MailServerPorts,
  MailServersOptions,
  MailUser,
  RelayTarget,
} from './options.ts';
export { type MailServers, startMailServers } from './servers.ts';
export {
  queueIdOf,
  SmtpClient,
  type SmtpEnvelope,
  type SmtpReply,
  type SmtpResult,
  type XclientIdentity,
} from './smtp-client.ts';
export { type SmtpSink, type SmtpSinkOptions, startSmtpSink } from './smtp-sink.ts';
