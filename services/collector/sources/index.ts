export { createFileSource, type FileSourceOptions } from './file-source.ts';
export { createJournalSource, type JournalSourceOptions } from './journal-source.ts';
export { createKafkaRawSource, type KafkaRawSourceOptions } from './kafka-raw-source.ts';
export {
  type Gap,
  type LineSource,
  pause,
  type RequestCounts,
  type SourceBatch,
  SourceError,
  type SourceErrorCode,
  type SourceLine,
  type SourceProgress,
  sourceLimits,
} from './source.ts';
export { createStreamSource } from './stream-source.ts';
export { createWebhookSource, type WebhookSource, webhookLimits } from './webhook/index.ts';
