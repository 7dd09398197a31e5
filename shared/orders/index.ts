export { checkOrder, type Order, type OrderCheck, type OrderProblem } from './check.ts';
export { orderLimits } from './limits.ts';
export { type NarrowResult, narrowScope, type RequestedScope, type ScopeRefusal } from './narrow.ts';
export {
  type IssuerRole,
  issuerRoles,
  type OrderDraft,
  orderDraftSchema,
  type RegimeId,
  regimeIds,
  reportLanguages,
} from './order.ts';
export { type Regime, type RequiredMember, type Rule, regimes } from './regimes.ts';
export { eventInScope, type Scope } from './scope.ts';
export {
  broadTargetKinds,
  parseTarget,
  type Target,
  type TargetKind,
  type TargetResult,
  targetFields,
  targetKinds,
  targetMatches,
} from './target.ts';
