export {
  createIngester,
  defaultBatchBounds,
  defaultRetryBounds,
  type Ingester,
  type IngesterDependencies,
  type IngesterStats,
  type RetryBounds,
} from './ingester.ts';
export { maxClockSkewMs, maxRecordBytes, type RejectionReason, rejectionReasons } from './parse.ts';
