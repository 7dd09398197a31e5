export {
  type CanonicalEvent,
  canonicalStart,
  type RecognizedEvent,
  recognizeCanonical,
} from './canonical.ts';
export {
  type CategoryId,
  categoryIds,
  commonFields,
  grantedFields,
  projectToCategories,
  type TrafficCategory,
  trafficCategories,
  typesOfCategories,
} from './categories.ts';
export {
  type EventDraft,
  type EventType,
  eventTypes,
  type Service,
  services,
  type TrafficEvent,
  trafficEventSchema,
  trafficSchemaVersion,
  utcTimestamp,
} from './event.ts';
export { eventIdFor } from './event-id.ts';
export {
  asciiLower,
  normalizeAddress,
  normalizeHostName,
  normalizeIp,
  normalizeMessageId,
  normalizeUser,
  type StoredMessageId,
  splitAddress,
  subaddressDelimiter,
} from './identifiers.ts';
export { trafficLimits } from './limits.ts';
export { ReleasedForm, type ReleasedRecord } from './released-form.ts';
export type { LineSlice, LineSource, StoredLines } from './stored-lines.ts';
export { type SourceTally, sourceTallySchema, tallyVersion } from './tally.ts';
