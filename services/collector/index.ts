export type {
  Correlator,
  CorrelatorOptions,
  LineResult,
  LogRecord,
  MailServerAdapter,
  NotUnderstoodReason,
  StateChanges,
} from './adapter.ts';
export { type Collector, type CollectorDeps, createCollector } from './collector.ts';
export {
  type LineFormat,
  type SoftwareChoice,
  type SourceConfig,
  type SourceConfigInput,
  sourceConfigSchema,
} from './config.ts';
export { type ParsedStream, type ParseOptions, type ParseSummary, parseStream } from './parse-stream.ts';
export { mailServerAdapters } from './pipeline/adapters.ts';
export { tellOver } from './pipeline/delivery.ts';
export { type Listed, maxListed } from './pipeline/listing.ts';
export type { SourceFault, SourceStatus } from './pipeline/status.ts';
export { collectorService } from './process.ts';
export { type CollectorSettings, collectorVariables, readCollectorSettings } from './service-config.ts';
export { sourceListSchema } from './source-list.ts';
