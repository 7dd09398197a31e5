export {
  type AddCheckpoint,
  formatAddCheckpoint,
  parseAddCheckpoint,
  parseKnownSize,
  sizeMediaType,
} from './add-checkpoint.ts';
export {
  type Checkpoint,
  type CheckpointRefusal,
  equalCheckpoints,
  formatCheckpoint,
  type OpenedCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  type SignedCheckpoint,
} from './checkpoint.ts';
export { commitTo, createSalt, saltBytes } from './commitment.ts';
export { type ConsistencyClaim, verifyConsistency } from './consistency-proof.ts';
export { type Cosignature, type Cosigner, createCosigner, readCosignature } from './cosigner.ts';
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
export { decodeBundle, encodeBundle, maxEntryBytes } from './entry-bundle.ts';
export type { DetailValue } from './entry-details.ts';
export { LedgerError, type LedgerErrorCode } from './errors.ts';
export { emptyRoot, type Hash, hashLeaf } from './hash.ts';
export { type InclusionClaim, verifyInclusion } from './inclusion-proof.ts';
export { type Judgement, judgeCheckpoint, type WitnessRefusal } from './judge-checkpoint.ts';
export {
  followRotations,
  isRotationPath,
  type KeyChain,
  type KeyRotation,
  keyRotatedKind,
  keyRotationDetails,
  maxRotations,
  type RotationRefusal,
  rotationOf,
  rotationPath,
  verifyRotation,
} from './key-rotation.ts';
export {
  type AppendedEntry,
  type AppendOptions,
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
  noteKeyTypes,
  parseVerifierKey,
} from './note-key.ts';
export type { LedgerOrder, OrderedRecord, OrderReading } from './order.ts';
export type { RecordKey } from './ordered-record.ts';
export {
  barrierOf,
  confirmTree,
  copyWindow,
  emptyTree,
  grow,
  judgeRecord,
  type Leaf,
  type OrderedTree,
  readOrderedTree,
  recordsOf,
  type VoidReason,
  voidReasons,
} from './ordered-tree.ts';
export { type PolicyOutcome, type PolicyWitness, parsePolicy, type WitnessPolicy } from './policy.ts';
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
  isLedgerPath,
  type LedgerFile,
  type LedgerLock,
  type LedgerReader,
  type LedgerStorage,
  witnessedPath,
} from './storage.ts';
export { parseTilePath, type TileName, tilePath } from './tile-path.ts';
export {
  isTimestampPath,
  readTimestampIndex,
  timestampFolder,
  timestampIndex,
  timestampPaths,
} from './timestamp-path.ts';
export {
  type LogProblem,
  type LogProblemCode,
  type LogReport,
  type VerifyLogOptions,
  verifyLog,
} from './verify-log.ts';
