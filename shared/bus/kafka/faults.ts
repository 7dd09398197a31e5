import { KafkaError } from './errors.ts';

/** What is known of an error of kafkajs: its class, Kafka's word for it, and codes of TLS or the system. */
interface Signs {
  readonly names: ReadonlySet<string>;
  readonly types: readonly string[];
  readonly codes: readonly string[];
}

/** Of node:tls, where a certificate is refused (`DEPTH_ZERO_SELF_SIGNED_CERT`, `CERT_HAS_EXPIRED`, …). */
const certificateCode = /CERT|SIGNATURE|^ERR_TLS|^ERR_SSL/;

/**
 * Turns what kafkajs threw into a `KafkaError`, by class and code and never by message. Its message is ours:
 * kafkajs quotes addresses and answers.
 */
export function toKafkaError(error: unknown): KafkaError {
  if (error instanceof KafkaError) return error;
  const { names, types, codes } = signsOf(error);
  if (names.has('KafkaJSSASLAuthenticationError') || types.some((type) => type.includes('SASL'))) {
    return new KafkaError(
      'kafka.authentication_failed',
      'The brokers refuse the user or its password: check the user name, the password file and the mechanism',
    );
  }
  const unauthorised = types.find((type) => type.endsWith('AUTHORIZATION_FAILED'));
  if (unauthorised !== undefined) {
    return new KafkaError(
      'kafka.not_authorised',
      `The brokers do not allow it to this user (${unauthorised})`,
    );
  }
  // The one reason for which kafkajs gives up at once; it keeps the brokers' word for it to itself.
  if (names.has('KafkaJSGroupCoordinatorNotFound')) {
    return new KafkaError(
      'kafka.not_authorised',
      'The brokers do not allow this user into the consumer group',
    );
  }
  if (types.includes('INVALID_REPLICATION_FACTOR')) {
    return new KafkaError(
      'kafka.too_few_brokers',
      'There are fewer brokers than copies asked for: start more of them, or ask for fewer copies',
    );
  }
  const certificate = codes.find((code) => certificateCode.test(code));
  if (certificate !== undefined) {
    return new KafkaError(
      'kafka.certificate',
      `The brokers' certificate is not trusted (${certificate}): name the authority that signed it`,
    );
  }
  const [type] = types;
  const isUnreachable = [...names].some((name) => unreachable.has(name));
  if (type !== undefined && !isUnreachable) {
    return new KafkaError('kafka.refused', `The brokers refused it (${type})`);
  }
  const [code] = codes;
  return new KafkaError(
    'kafka.unavailable',
    `No broker answers${code === undefined ? '' : ` (${code})`}: check their addresses, and whether they speak TLS`,
  );
}

const unreachable: ReadonlySet<string> = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSBrokerNotFound',
]);

/** Along the chain of causes, and into the errors of an aggregate. */
function signsOf(error: unknown): Signs {
  const names = new Set<string>();
  const types: string[] = [];
  const codes: string[] = [];
  const queue: unknown[] = [error];
  for (let seen = 0; queue.length > 0 && seen < 32; seen++) {
    const at = queue.shift();
    if (!(at instanceof Error)) continue;
    names.add(at.name);
    const { type, code, cause, errors } = at as {
      type?: unknown;
      code?: unknown;
      cause?: unknown;
      errors?: unknown;
    };
    if (typeof type === 'string' && /^[A-Z][A-Z_]{2,63}$/.test(type)) types.push(type);
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,63}$/.test(code)) codes.push(code);
    queue.push(cause, ...(Array.isArray(errors) ? errors : []));
  }
  return { names, types, codes };
}
