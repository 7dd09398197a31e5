export { CheckpointError, type CheckpointErrorCode } from './errors.ts';
export { type Change, type CheckpointOptions, type CheckpointStore, openCheckpointStore } from './store.ts';
