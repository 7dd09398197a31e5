export { type CancellationRefusal, decideCancellation, isForeign } from './cancellation.ts';
export {
  type AccessRefusal,
  type DisclosureDecision,
  decideAccess,
  decideClock,
  decideCredential,
  decideDisclosure,
  decideOrderReading,
  decideUse,
  readableOrders,
} from './decide.ts';
export {
  decideClarification,
  decideClarified,
  decideFollowUp,
  decideNotificationAnswer,
} from './decide-authority.ts';
export {
  decideHoldExtension,
  decideHoldLifting,
  decideKeptHold,
  decideReference,
  type HoldRefusal,
  holdOver,
  holdsAreCopied,
  holdsDue,
  holdsInForce,
  holdUntil,
  isHoldInUse,
  isHoldOpen,
  isHoldScopeReadable,
  type ReadableHold,
  readableHolds,
} from './decide-hold.ts';
export {
  type Approval,
  decideAmendment,
  decideApproval,
  decideRejection,
  decideResumption,
  decideRevocation,
  decideSuspension,
  type OrderRefusal,
} from './decide-order.ts';
export { decideCollection, decideRelease, type NamedOrder, type ReleaseRefusal } from './decide-release.ts';
export type { Decision } from './decision.ts';
export {
  type DetailsOf,
  type EntryKind,
  entryKinds,
  labelSchema,
  type ServiceConfiguration,
  thumbprintSchema,
} from './details.ts';
export {
  type DiskKeyDecision,
  type DiskKeyDraft,
  type DiskKeyKind,
  type DiskKeyRefusal,
  decideDiskKey,
  diskKeyDetails,
  diskOfKey,
  isDiskKeyDraft,
  type RecordedDiskKey,
  recordedDiskKey,
} from './disk-keys.ts';
export {
  administratorsAt,
  decideCeremony,
  decideConfirmation,
  decideCredentialRevocation,
  decideEnrolment,
  decideRotation,
  type EnrolmentRefusal,
  maxCredentialDays,
} from './enrolment.ts';
export {
  type Actor,
  type AnyControlEntry,
  asControlEntry,
  type ControlEntry,
  ControlError,
} from './entry.ts';
export {
  decideErasure,
  type ErasureRefusal,
  erasedOrders,
  erasureReasons,
} from './erasure.ts';
export { checkEvidence, type EvidenceCheck, type RecordedRequest } from './evidence.ts';
export { foldEntry, proofKeyOf } from './fold.ts';
export { nextOrder } from './fold-order.ts';
export { forkState } from './fork.ts';
export {
  type HoldDraft,
  type HoldEndReason,
  type HoldState,
  holdDetails,
  holdEndReasons,
  holdExtensions,
  holdLiftings,
  isHoldDraft,
} from './holds.ts';
export { isTimeZone } from './local-hours.ts';
export { alarmsDue, missedFollowUps, orderDeadline } from './order-alarms.ts';
export { orderDetails } from './order-details.ts';
export {
  eventCounts,
  groundList,
  rejectionReasons,
  revocationReasons,
  signatureStates,
  suspensionReasons,
} from './order-entries.ts';
export {
  type OrderState,
  type OrderStatus,
  openClarification,
  orderStatus,
  orderStatuses,
} from './order-state.ts';
export { type StepEntry, withAlarms } from './pattern-alarms.ts';
export {
  type Pattern,
  type PatternAlarm,
  type PatternThresholds,
  patterns,
  patternThresholds,
} from './pattern-entries.ts';
export {
  type Difference,
  differenceOf,
  matches,
  maxReconciledSources,
  type ReconciledDay,
  type ReconciledDetails,
  reconciledDay,
  type SourceFigures,
  sourceFigures,
} from './reconciliation.ts';
export { rederive } from './rederive.ts';
export type { Rederived, Unknowable } from './rederived.ts';
export {
  type CaseChecker,
  type CaseFinding,
  type Gap,
  type ListChecker,
  Replay,
  type ReplayProblem,
  type ReplayReport,
} from './replay.ts';
export {
  type CheckedPlace,
  decideRetention,
  maxRunDays,
  namedHolds,
  noRetention,
  type RemovedDay,
  type RetentionDecision,
  type RetentionDraft,
  type RetentionRefusal,
  type RetentionState,
  retentionDetails,
} from './retention.ts';
export {
  certificatesUnder,
  decideList,
  type ListInUse,
  type ListRule,
  listStanding,
  revocationStanding,
  revokedBy,
} from './revocation.ts';
export { maxRevokedAtOnce, type RevocationPolicy, type TakenList } from './revocation-entries.ts';
export { type Role, roles } from './roles.ts';
export { nameOfRoute, type SignedRoute, signedRoutes } from './routes.ts';
export {
  type EntryFilter,
  entryFilterSchema,
  entryMatcher,
  type Outcome,
  outcomeOf,
  outcomes,
} from './search.ts';
export { copyState, decodeState, encodeState, stateVersion } from './snapshot.ts';
export {
  type ControlState,
  type Credential,
  credentialIsActive,
  type DisclosureState,
  type DisclosureStatus,
  disclosureStatuses,
  emptyState,
  type Person,
  personOf,
} from './state.ts';
export { verifierOf } from './verifier.ts';
