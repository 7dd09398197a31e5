/** What went wrong with Kafka, beyond what every bus has. Stable names. */
export type KafkaErrorCode =
  /** The topic is not there; `griffie topics apply` makes it. */
  | 'kafka.topic_missing'
  /** The ledger's topic has more than one partition: there is no one order. */
  | 'kafka.several_partitions'
  /** A change to topics was accepted and does not show. */
  | 'kafka.topics_not_applied'
  /** A consumer ended and does not come back: the process should end and be started again. */
  | 'kafka.consumer_ended'
  /** Another process reads these partitions under the same name. */
  | 'kafka.reader_exists'
  /** No broker answers, or not in time. */
  | 'kafka.unavailable'
  /** A broker's certificate was not vouched for, or is another host's. */
  | 'kafka.certificate'
  /** The brokers refuse the user or its password. */
  | 'kafka.authentication_failed'
  /** The user may not do this: the brokers' access lists. */
  | 'kafka.not_authorised'
  /** More copies were asked for than there are brokers. */
  | 'kafka.too_few_brokers'
  /** The brokers refused the request for another reason, which the message names by Kafka's word for it. */
  | 'kafka.refused';

/** A fault of the cluster or of the way to it. */
export class KafkaError extends Error {
  override readonly name = 'KafkaError';
  readonly code: KafkaErrorCode;

  constructor(code: KafkaErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
