import { type Environment, settingsFrom, type Variable } from '#shared/runtime';

/** How a process that runs apart is told of the cluster. */
export const kafkaVariables: readonly Variable[] = [
  {
    name: 'KAFKA_BROKERS',
    member: 'brokers',
    about: 'comma-separated host:port, such as kafka1.example.nl:9093',
    required: true,
    read: (text) => text.split(',').map((broker) => broker.trim()),
  },
  { name: 'KAFKA_CLIENT_ID', member: 'clientId', about: 'name in the brokers’ logs', default: 'griffie' },
  {
    name: 'KAFKA_CONSUMER_GROUP',
    member: 'consumerGroup',
    about: 'consumer groups are this, a dot and the topic',
    default: 'griffie',
  },
  {
    name: 'KAFKA_TOPIC_PREFIX',
    member: 'topicPrefix',
    about: 'put before the names of topics and groups, where installations share a cluster',
  },
  {
    name: 'KAFKA_TLS',
    member: 'tls',
    about: 'on or off; off sends traffic data in the clear, and goes with none of KAFKA_TLS_…_FILE',
    default: 'on',
    read: (text) => (text === 'on' ? {} : text === 'off' ? false : text),
  },
  {
    name: 'KAFKA_TLS_CA_FILE',
    member: 'tls.caFile',
    about: 'PEM of the authority that signed the brokers’ certificates',
    default: 'the system’s',
    file: true,
  },
  { name: 'KAFKA_TLS_CERT_FILE', member: 'tls.certFile', about: 'PEM of our own certificate', file: true },
  { name: 'KAFKA_TLS_KEY_FILE', member: 'tls.keyFile', about: 'PEM of our own key', file: true },
  {
    name: 'KAFKA_SASL_MECHANISM',
    member: 'sasl.mechanism',
    about: 'plain, scram-sha-256 or scram-sha-512',
  },
  { name: 'KAFKA_SASL_USERNAME', member: 'sasl.username', about: 'name of our user' },
  {
    name: 'KAFKA_SASL_PASSWORD_FILE',
    member: 'sasl.passwordFile',
    about: 'file with its password',
    file: true,
  },
];

/** Plain input for `kafkaConfigSchema`, from the variables above. */
export function kafkaSettingsFromEnvironment(env: Environment): Record<string, unknown> {
  const settings = settingsFrom(kafkaVariables, env);
  // Certificates for a connection in the clear: one of the two is not meant, and the schema refuses the text.
  return env.KAFKA_TLS === 'off' && settings.tls !== false ? { ...settings, tls: 'off' } : settings;
}
