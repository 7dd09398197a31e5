export { createFileSource, type FileSourceOptions } from './file-source.ts';
export { createJournalSource, type JournalSourceOptions } from './journal-source.ts';
export {
  type Gap,
  type LineSource,
  pause,
  type SourceBatch,
  SourceError,
  type SourceErrorCode,
  type SourceLine,
  type SourceProgress,
} from './source.ts';
export { createStreamSource } from './stream-source.ts';
