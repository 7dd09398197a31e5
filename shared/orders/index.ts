export { checkOrder, type Order, type OrderCheck, type OrderProblem } from './check.ts';
export { type ClockStop, currentDeadline, type DeadlineState } from './deadline.ts';
export { orderLimits } from './limits.ts';
export {
  isWholeScope,
  type NarrowResult,
  narrowScope,
  type RequestedScope,
  type ScopeRefusal,
} from './narrow.ts';
export {
  type IssuerRole,
  issuerRoles,
  type OrderDraft,
  orderDraftSchema,
  type RegimeId,
  regimeIdSchema,
  reportLanguages,
} from './order.ts';
export { addPeriod, periodSchema } from './period.ts';
export { type GroundUse, ruleIdSchema } from './regime-schema.ts';
export {
  createRegimes,
  groundsOf,
  type Regime,
  type Regimes,
  type RegimesResult,
  type RequiredMember,
  type Rule,
} from './regimes.ts';
export { type OrderSchedule, scheduleOf } from './schedule.ts';
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
