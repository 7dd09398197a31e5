export {
  type AccessRefusal,
  type Decision,
  type DisclosureDecision,
  decideAccess,
  decideApproval,
  decideCredential,
  decideDisclosure,
  decideRelease,
  decideUse,
  type OrderRefusal,
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
export { foldEntry, proofKeyOf } from './fold.ts';
export { type Role, roles } from './roles.ts';
export {
  type ControlState,
  type Credential,
  credentialIsActive,
  type DisclosureState,
  type DisclosureStatus,
  emptyState,
  type OrderState,
  type OrderStatus,
  orderStatus,
  type Person,
  personOf,
} from './state.ts';
