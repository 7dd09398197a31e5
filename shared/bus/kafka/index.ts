export { reconcileTopics } from './apply-topics.ts';
export { assertTopics } from './assert-topics.ts';
export { createKafkaBus, type KafkaBus } from './bus.ts';
export { type KafkaConfig, type KafkaConfigInput, kafkaConfigSchema } from './config.ts';
export { kafkaSettingsFromEnvironment, kafkaVariables } from './environment.ts';
export { KafkaError, type KafkaErrorCode } from './errors.ts';
export { toKafkaError } from './faults.ts';
export { continueAt, type PartitionBounds, readPartitionBounds } from './partition-bounds.ts';
export {
  openRawReader,
  type RawGap,
  type RawReader,
  type RawReaderOptions,
  type RawReading,
  type RawRecord,
} from './raw-reader.ts';
export {
  openTopicLog,
  type TopicLog,
  type TopicLogReading,
  type TopicLogRecord,
} from './topic-log.ts';
export { planTopics, type TopicChange, type TopicConflict, type TopicPlan } from './topic-plan.ts';
export { readTopic, type TopicReading } from './topic-reader.ts';
export {
  desiredTopics,
  type TopicSettings,
  type TopicSizing,
  type TopicSizingInput,
  topicNameOf,
  topicSizingSchema,
  topicSizingVariables,
} from './topics.ts';
