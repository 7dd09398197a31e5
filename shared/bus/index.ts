export {
  type BatchBounds,
  type Bus,
  type BusBatch,
  type BusConsumer,
  type BusPublisher,
  type BusRecord,
  type OutgoingRecord,
  type Topic,
  topics,
} from './bus.ts';
export { createEmbeddedBus } from './embedded/bus.ts';
export { BusError, type BusErrorCode } from './errors.ts';
export {
  createKafkaBus,
  desiredTopics,
  furtherTopics,
  type KafkaBus,
  type KafkaConfig,
  type KafkaConfigInput,
  KafkaError,
  type KafkaErrorCode,
  kafkaConfigSchema,
  planTopics,
  reconcileTopics,
  type TopicChange,
  type TopicConflict,
  type TopicPlan,
  type TopicSettings,
  type TopicSizing,
  type TopicSizingInput,
  topicSizingSchema,
} from './kafka/index.ts';
