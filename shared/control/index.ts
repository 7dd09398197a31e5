export { type CancellationRefusal, decideCancellation, isForeign } from './cancellation.ts';
export {
  type AccessRefusal,
  type Decision,
  type DisclosureDecision,
  decideAccess,
  decideApproval,
  decideClock,
  decideCredential,
  decideDisclosure,
  decideOrderReading,
  decideRelease,
  decideUse,
  type OrderRefusal,
  readableOrders,
} from './decide.ts';
export {
  type DetailsOf,
  type EntryKind,
  entryKinds,
  labelSchema,
  type ServiceConfiguration,
  thumbprintSchema,
} from './details.ts';
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
export { orderDetails } from './order-details.ts';
export { isLastAdministrator, type Rederived, rederive, type Unknowable } from './rederive.ts';
export {
  type CaseChecker,
  type CaseFinding,
  type Gap,
  Replay,
  type ReplayProblem,
  type ReplayReport,
} from './replay.ts';
export {
  type CheckedPlace,
  decideRetention,
  maxRunDays,
  noRetention,
  type RemovedDay,
  type RetentionDecision,
  type RetentionDraft,
  type RetentionRefusal,
  type RetentionState,
  retentionDetails,
} from './retention.ts';
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
  type OrderState,
  type OrderStatus,
  orderStatus,
  type Person,
  personOf,
} from './state.ts';
