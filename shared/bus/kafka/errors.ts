/** What went wrong with Kafka, beyond what every bus has. Stable names. */
export type KafkaErrorCode =
  /** The topic is not there; `griffie topics apply` makes it. */
  | 'kafka.topic_missing'
  /** A change to topics was accepted and does not show. */
  | 'kafka.topics_not_applied'
  /** A consumer ended and does not come back: the process should end and be started again. */
  | 'kafka.consumer_ended';

/** A fault that trying again does not mend. */
export class KafkaError extends Error {
  override readonly name = 'KafkaError';
  readonly code: KafkaErrorCode;

  constructor(code: KafkaErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
