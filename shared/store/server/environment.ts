import { type Environment, settingsFrom, type Variable } from '#shared/runtime';

/** How a process that runs apart is told of the ClickHouse server. */
export const serverVariables: readonly Variable[] = [
  {
    name: 'CLICKHOUSE_URL',
    member: 'url',
    about: 'https://host:8443, or http:// to this machine',
    required: true,
  },
  { name: 'CLICKHOUSE_USER', member: 'username', about: 'name of our user', default: 'default' },
  {
    name: 'CLICKHOUSE_PASSWORD_FILE',
    member: 'passwordFile',
    about: 'file with its password',
    file: true,
  },
  { name: 'CLICKHOUSE_DATABASE', member: 'database', about: 'name of the database', default: 'griffie' },
  {
    name: 'CLICKHOUSE_TLS_CA_FILE',
    member: 'tls.caFile',
    about: 'PEM of the authority that signed the server’s certificate',
    default: 'the system’s',
    file: true,
  },
  {
    name: 'CLICKHOUSE_TLS_CERT_FILE',
    member: 'tls.certFile',
    about: 'PEM of our own certificate',
    file: true,
  },
  { name: 'CLICKHOUSE_TLS_KEY_FILE', member: 'tls.keyFile', about: 'PEM of our own key', file: true },
];

/** Plain input for `serverConfigSchema`, from the variables above. */
export function serverSettingsFromEnvironment(env: Environment): Record<string, unknown> {
  return settingsFrom(serverVariables, env);
}
