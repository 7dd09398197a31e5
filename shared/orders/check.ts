import type { CategoryId } from '#shared/traffic';
import { checkAuthority, checkNotification } from './check-authority.ts';
import type { OrderDraft, RegimeId, reportLanguages } from './order.ts';
import type { Regime, Regimes } from './regimes.ts';
import { type OrderSchedule, scheduleOf } from './schedule.ts';
import { broadTargetKinds, parseTarget, type Target } from './target.ts';

/** An order that is complete and admissible under its regime. Made only by `checkOrder`. */
export interface Order {
  readonly regime: RegimeId;
  readonly regimeVersion: string;
  readonly type: 'produce' | 'preserve';
  readonly legalBasis: string;
  readonly issuingState: string;
  readonly issuer: {
    readonly authority: string;
    readonly role: string;
    readonly fileReference: string;
    readonly contact?: string | undefined;
  };
  readonly validatedBy?: OrderDraft['validatedBy'];
  readonly addressee: string;
  readonly scope: {
    readonly targets: readonly Target[];
    readonly from: string;
    readonly to: string;
    readonly categories: readonly CategoryId[];
  };
  readonly offence?: OrderDraft['offence'];
  readonly emergency?: OrderDraft['emergency'];
  readonly notification?: OrderDraft['notification'];
  readonly recipients: readonly { readonly name: string; readonly encryptionKey: string }[];
  readonly reportLanguage: (typeof reportLanguages)[number];
  readonly issuedAt: string;
  readonly receivedAt: string;
  readonly validUntil: string;
  /** The order to preserve whose records it asks for. */
  readonly preservedUnder?: string;
  /** What follows from these times under the regime. */
  readonly schedule: OrderSchedule;
}

/** One thing that is wrong with an order: where, what, and the rule that says so. */
export interface OrderProblem {
  /** Dotted path into the draft; a target by its number: `scope.targets.0`. */
  readonly path: string;
  readonly kind: 'missing' | 'invalid' | 'inadmissible';
  /** Id of the rule. */
  readonly rule: string;
  /** Where the rule stands. */
  readonly source: string;
  /** For the registrar; repeats nothing of what was entered. */
  readonly sentence: string;
}

export type OrderCheck =
  | { readonly ok: true; readonly order: Order }
  | { readonly ok: false; readonly problems: readonly OrderProblem[] };

const regimeProblem = (regimes: Regimes, kind: OrderProblem['kind']): OrderProblem => ({
  path: 'regime',
  kind,
  rule: 'order.regime',
  source: 'Griffie: the regime decides which rules apply',
  sentence: `name the regime: ${[...regimes.keys()].join(', ')}`,
});

/**
 * Whether a draft is a complete, admissible order at the time `now` (RFC 3339 UTC). Names every problem,
 * not only the first. Pure: the same draft at the same time under the same regimes gives the same answer.
 */
export function checkOrder(draft: OrderDraft, now: string, regimes: Regimes): OrderCheck {
  const regime = regimes.get(draft.regime ?? '');
  if (regime === undefined) {
    const kind = draft.regime === undefined ? 'missing' : 'invalid';
    return { ok: false, problems: [regimeProblem(regimes, kind)] };
  }
  const { targets, problems: targetProblems } = checkTargets(draft);
  const problems = [
    ...findMissing(draft, regime),
    ...targetProblems,
    ...checkTimes(draft, now),
    ...checkAuthority(draft, regime),
    ...checkNotification(draft, regime),
  ];
  if (problems.length > 0) return { ok: false, problems };
  const order = assemble(draft, regime, targets);
  return order === null ? { ok: false, problems: [regimeProblem(regimes, 'missing')] } : { ok: true, order };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}

function memberAt(draft: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => {
    const isObject = typeof value === 'object' && value !== null;
    return isObject && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
  }, draft);
}

function findMissing(draft: OrderDraft, regime: Regime): OrderProblem[] {
  return regime.required
    .filter(({ path }) => isAbsent(memberAt(draft, path)))
    .map(({ path, id, source }) => ({
      path,
      kind: 'missing',
      rule: id,
      source,
      sentence: `${path} is missing`,
    }));
}

function checkTargets(draft: OrderDraft): { targets: Target[]; problems: OrderProblem[] } {
  const targets: Target[] = [];
  const problems: OrderProblem[] = [];
  for (const [index, { kind, value, subaddresses }] of (draft.scope?.targets ?? []).entries()) {
    const path = `scope.targets.${index}`;
    const parsed = parseTarget(kind, value, subaddresses ?? false);
    if (!parsed.ok) {
      problems.push({
        path,
        kind: 'invalid',
        rule: 'order.target',
        source: 'Griffie: a target is an identifier in normal form',
        sentence: `the value of this ${kind} target ${parsed.reason}`,
      });
    } else if (broadTargetKinds.has(kind) && draft.scope?.broadTargetsOrdered !== true) {
      problems.push({
        path,
        kind: 'inadmissible',
        rule: 'order.broad_target',
        source: 'Griffie: necessity and proportionality (Regulation (EU) 2023/1543, Art. 5(2))',
        sentence: `a ${kind} reaches people whom nobody named; set scope.broadTargetsOrdered only if the order itself says so`,
      });
    } else {
      targets.push(parsed.target);
    }
  }
  return { targets, problems };
}

function checkTimes(draft: OrderDraft, now: string): OrderProblem[] {
  const problems: OrderProblem[] = [];
  const demand = (holds: boolean, path: string, rule: string, sentence: string): void => {
    if (!holds)
      problems.push({ path, kind: 'invalid', rule, source: 'Griffie: times in their order', sentence });
  };
  const { from, to } = draft.scope ?? {};
  if (from !== undefined && to !== undefined) {
    demand(
      from < to,
      'scope.to',
      'order.window',
      'the window ends before it begins; scope.to must be after scope.from',
    );
  }
  if (draft.receivedAt !== undefined) {
    demand(draft.receivedAt <= now, 'receivedAt', 'order.received_at', 'receivedAt lies in the future');
    if (draft.issuedAt !== undefined) {
      demand(
        draft.issuedAt <= draft.receivedAt,
        'issuedAt',
        'order.issued_at',
        'issuedAt is after receivedAt',
      );
    }
    if (draft.validUntil !== undefined) {
      demand(
        draft.validUntil > draft.receivedAt,
        'validUntil',
        'order.valid_until',
        'validUntil is not after receivedAt',
      );
    }
    if (draft.deadlineAt !== undefined) {
      demand(
        draft.deadlineAt > draft.receivedAt,
        'deadlineAt',
        'order.deadline_at',
        'deadlineAt is not after receivedAt',
      );
    }
  }
  return problems;
}

/** The complete order; null never happens after the checks, and spares unchecked assertions. */
function assemble(draft: OrderDraft, regime: Regime, targets: readonly Target[]): Order | null {
  const { scope, issuer, issuedAt, receivedAt, validUntil, legalBasis, issuingState, addressee } = draft;
  if (!scope?.from || !scope.to || !scope.categories || !issuer?.authority || !issuer.role) return null;
  if (!issuer.fileReference || !issuedAt || !receivedAt || !validUntil) return null;
  if (!legalBasis || !issuingState || !addressee) return null;
  return {
    regime: regime.id,
    regimeVersion: regime.version,
    type: regime.type,
    legalBasis,
    issuingState,
    issuer: {
      authority: issuer.authority,
      role: issuer.role,
      fileReference: issuer.fileReference,
      contact: issuer.contact,
    },
    ...(draft.validatedBy ? { validatedBy: draft.validatedBy } : {}),
    addressee,
    scope: { targets, from: scope.from, to: scope.to, categories: [...new Set(scope.categories)] },
    ...(draft.offence ? { offence: draft.offence } : {}),
    ...(draft.emergency ? { emergency: draft.emergency } : {}),
    ...(draft.notification ? { notification: draft.notification } : {}),
    recipients: draft.recipients ?? [],
    reportLanguage: draft.reportLanguage ?? 'en',
    issuedAt,
    receivedAt,
    validUntil,
    ...(draft.preservedUnder ? { preservedUnder: draft.preservedUnder } : {}),
    schedule: scheduleOf(regime, {
      receivedAt,
      emergency: draft.emergency !== undefined,
      deadlineAt: draft.deadlineAt,
      notifiedAt: draft.notification?.notifiedAt,
    }),
  };
}
