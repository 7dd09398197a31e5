/** What can be wrong with a checkpoint. `CHECKPOINT_DAMAGED` is never repaired by guessing. */
export type CheckpointErrorCode = 'CHECKPOINT_DAMAGED' | 'CHECKPOINT_CLOSED' | 'CHECKPOINT_FOREIGN';

/** A fault of the checkpoint store. The message names the file and what to do, and nothing of its contents. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
  readonly code: CheckpointErrorCode;

  constructor(code: CheckpointErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function damaged(path: string, what: string): CheckpointError {
  return new CheckpointError(
    'CHECKPOINT_DAMAGED',
    `the checkpoint file ${path} is damaged (${what}); restore the folder from a backup, or move it away to read the source from its configured beginning again`,
  );
}
