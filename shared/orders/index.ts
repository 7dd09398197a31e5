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
