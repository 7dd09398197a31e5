export { reconcileTopics } from './apply-topics.ts';
export { createKafkaBus, type KafkaBus } from './bus.ts';
export { type KafkaConfig, type KafkaConfigInput, kafkaConfigSchema } from './config.ts';
export { KafkaError, type KafkaErrorCode } from './errors.ts';
export { planTopics, type TopicChange, type TopicConflict, type TopicPlan } from './topic-plan.ts';
export {
  desiredTopics,
  furtherTopics,
  type TopicSettings,
  type TopicSizing,
  type TopicSizingInput,
  topicSizingSchema,
} from './topics.ts';
