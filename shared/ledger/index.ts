export {
  type Checkpoint,
  type CheckpointRefusal,
  formatCheckpoint,
  type OpenedCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  type SignedCheckpoint,
} from './checkpoint.ts';
export { commitTo, createSalt, saltBytes } from './commitment.ts';
export { type ConsistencyClaim, verifyConsistency } from './consistency-proof.ts';
export {
  actorRoles,
  actorSchema,
  decodeEntry,
  type EntryKind,
  encodeEntry,
  entryKinds,
  entryVersion,
  type LedgerEntry,
  ledgerEntrySchema,
} from './entry.ts';
export { maxEntryBytes } from './entry-bundle.ts';
export type { DetailValue } from './entry-details.ts';
export { LedgerError, type LedgerErrorCode } from './errors.ts';
export { emptyRoot, type Hash, hashLeaf } from './hash.ts';
export { type InclusionClaim, verifyInclusion } from './inclusion-proof.ts';
export {
  type AppendedEntry,
  createLedger,
  type Ledger,
  type LedgerOptions,
  type RecordedEntry,
} from './ledger.ts';
export {
  createNoteSigner,
  generateNoteKey,
  type NoteSigner,
  type NoteVerifier,
  parseVerifierKey,
} from './note-key.ts';
export {
  formatReceipt,
  parseReceipt,
  type Receipt,
  type ReceiptRefusal,
  type VerifiedReceipt,
  verifyReceipt,
} from './receipt.ts';
export { type NoteRefusal, type NoteSignature, type OpenedNote, openNote, signNote } from './signed-note.ts';
export {
  checkpointPath,
  type LedgerFile,
  type LedgerLock,
  type LedgerReader,
  type LedgerStorage,
} from './storage.ts';
export { parseTilePath, type TileName, tilePath } from './tile-path.ts';
export {
  type LogProblem,
  type LogProblemCode,
  type LogReport,
  type VerifyLogOptions,
  verifyLog,
} from './verify-log.ts';
