/** A variable that begins so is meant for us; one that we do not know is a mistake. */
export const ownPrefixes: readonly string[] = [
  'KAFKA_',
  'CLICKHOUSE_',
  'COLLECTOR_',
  'INGESTER_',
  'DISCLOSURE_',
  'WITNESS_',
  'HEALTH_',
  'RETENTION_',
];

/**
 * Every variable that any of Griffie's processes reads, in one place: one file of variables may serve them
 * all, so what another service reads is no mistake. A test holds this list against the services.
 */
export const variableNames: readonly string[] = [
  'RETENTION_PERIOD',
  'RETENTION_LEGAL_BASIS',
  'RETENTION_CREDENTIAL_FILE',
  'RETENTION_CA_FILE',
  'RETENTION_API_URL',
  'RETENTION_DISK_FOLDER',
  'RETENTION_DISK_KEY_FOLDER',
  'RETENTION_DISK_KEY_CONFIG_FILE',
  'RETENTION_DISK_KEY_DAYS',
  'HEALTH_LISTEN',
  'LOG_LEVEL',
  'KAFKA_BROKERS',
  'KAFKA_CLIENT_ID',
  'KAFKA_CONSUMER_GROUP',
  'KAFKA_TOPIC_PREFIX',
  'KAFKA_TLS',
  'KAFKA_TLS_CA_FILE',
  'KAFKA_TLS_CERT_FILE',
  'KAFKA_TLS_KEY_FILE',
  'KAFKA_SASL_MECHANISM',
  'KAFKA_SASL_USERNAME',
  'KAFKA_SASL_PASSWORD_FILE',
  'KAFKA_PARTITIONS',
  'KAFKA_REPLICATION_FACTOR',
  'KAFKA_RETENTION_DAYS',
  'CLICKHOUSE_URL',
  'CLICKHOUSE_USER',
  'CLICKHOUSE_PASSWORD_FILE',
  'CLICKHOUSE_DATABASE',
  'CLICKHOUSE_TLS_CA_FILE',
  'CLICKHOUSE_TLS_CERT_FILE',
  'CLICKHOUSE_TLS_KEY_FILE',
  'CLICKHOUSE_CLUSTER',
  'CLICKHOUSE_TOPOLOGY',
  'COLLECTOR_STATE_FOLDER',
  'COLLECTOR_SOURCES_FILE',
  'INGESTER_MAX_REJECTS',
  'INGESTER_MAX_REJECT_SHARE',
  'DISCLOSURE_DATA_FOLDER',
  'DISCLOSURE_KEY_FOLDER',
  'DISCLOSURE_CASE_MASTER_KEYS',
  'DISCLOSURE_LEDGER',
  'DISCLOSURE_SHARED_FOLDER',
  'DISCLOSURE_LISTEN',
  'DISCLOSURE_PUBLIC_URL',
  'DISCLOSURE_OPERATOR',
  'DISCLOSURE_TLS_CERT_FILE',
  'DISCLOSURE_TLS_KEY_FILE',
  'DISCLOSURE_TLS_CLIENT_ANCHORS_FILE',
  'DISCLOSURE_REGIME_FOLDER',
  'DISCLOSURE_DOCUMENT_ANCHORS_FILE',
  'DISCLOSURE_CERTIFICATE_ANCHORS_FILE',
  'DISCLOSURE_PASSKEY_MODELS',
  'DISCLOSURE_PASSKEY_ROOTS_FILE',
  'DISCLOSURE_ALARM_THRESHOLDS',
  'DISCLOSURE_WORKING_HOURS',
  'DISCLOSURE_TIMESTAMP_URL',
  'DISCLOSURE_TIMESTAMP_CA_FILE',
  'DISCLOSURE_WITNESS_POLICY_FILE',
  'DISCLOSURE_WITNESS_INTERVAL',
  'WITNESS_FOLDER',
  'WITNESS_NAME',
  'WITNESS_LOGS_FILE',
  'WITNESS_LISTEN',
];

/** What Kafka's own scripts read: an operator's shell has them beside ours. */
const kafkaScriptNames: ReadonlySet<string> = new Set([
  'KAFKA_HOME',
  'KAFKA_OPTS',
  'KAFKA_HEAP_OPTS',
  'KAFKA_JMX_OPTS',
  'KAFKA_JVM_PERFORMANCE_OPTS',
  'KAFKA_LOG4J_OPTS',
]);

/**
 * Whether others have put it there for themselves. Kubernetes gives every pod some for each service of its
 * namespace: one that is called `kafka` gives `KAFKA_SERVICE_HOST`, `KAFKA_PORT_9092_TCP_ADDR` and the like.
 */
export function isForeign(name: string): boolean {
  return (
    kafkaScriptNames.has(name) ||
    /_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_\d+_(?:TCP|UDP)(?:_(?:PROTO|PORT|ADDR))?)?)$/.test(
      name,
    )
  );
}
