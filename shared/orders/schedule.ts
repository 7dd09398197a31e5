import { addPeriod, periodMs } from './period.ts';
import type { Regime } from './regimes.ts';

/**
 * The times that follow from an order and its regime. They are written into the ledger with the order, so
 * that what is decided by them later follows from the ledger alone. RFC 3339 UTC with milliseconds.
 */
export interface OrderSchedule {
  /** Until when the data are due, and when an alarm is raised before; both without stopped clocks. */
  readonly deadline?: { readonly at: string; readonly alarmAt: string };
  readonly notification?: {
    /** First instant at which a release needs no answer of the authority; absent in an emergency. */
    readonly waitUntil?: string;
    /** Last instant at which it can object. */
    readonly objectUntil: string;
  };
  /** What must follow an emergency order, each by its last instant. */
  readonly followUps?: readonly { readonly id: string; readonly by: string }[];
  /** Last instant of a preservation, and by which periods (ISO 8601) it can become longer. */
  readonly preservation?: {
    readonly until: string;
    readonly extension: string;
    readonly extensions: number;
    readonly confirmed: string;
  };
}

/** @param order `deadlineAt`: as the order itself says; `notifiedAt`: where an authority had to be notified */
export function scheduleOf(
  regime: Pick<Regime, 'deadline' | 'notification' | 'emergencyFollowUps' | 'preservation'>,
  order: {
    readonly receivedAt: string;
    readonly emergency: boolean;
    readonly deadlineAt?: string | undefined;
    readonly notifiedAt?: string | undefined;
  },
): OrderSchedule {
  const { receivedAt, emergency, notifiedAt } = order;
  const { notification: rule } = regime;
  const waits = rule !== undefined && notifiedAt !== undefined;
  const waitUntil = waits && !emergency ? addPeriod(notifiedAt, rule.wait) : undefined;
  const deadline = deadlineOf(regime, order, waitUntil);
  const followUps = emergency
    ? regime.emergencyFollowUps.map(({ id, within }) => ({ id, by: addPeriod(receivedAt, within) }))
    : [];
  return {
    ...(deadline ? { deadline } : {}),
    ...(waits
      ? {
          notification: {
            ...(waitUntil === undefined ? {} : { waitUntil }),
            objectUntil: addPeriod(notifiedAt, emergency ? rule.objectWithinEmergency : rule.objectWithin),
          },
        }
      : {}),
    ...(followUps.length > 0 ? { followUps } : {}),
    ...preservationOf(regime, receivedAt),
  };
}

function preservationOf(
  { preservation }: Pick<Regime, 'preservation'>,
  receivedAt: string,
): Pick<OrderSchedule, 'preservation'> {
  if (preservation === undefined) return {};
  const { period, extension, extensions, confirmed } = preservation;
  return { preservation: { until: addPeriod(receivedAt, period), extension, extensions, confirmed } };
}

/** The earlier of the regime's and the order's own; never before what the order has to wait for. */
function deadlineOf(
  { deadline: rule }: Pick<Regime, 'deadline'>,
  order: {
    readonly receivedAt: string;
    readonly emergency: boolean;
    readonly deadlineAt?: string | undefined;
  },
  waitUntil: string | undefined,
): OrderSchedule['deadline'] {
  if (rule === undefined) return undefined;
  const { receivedAt, emergency } = order;
  const period = emergency ? (rule.emergency ?? rule.ordinary) : rule.ordinary;
  const [first] = [order.deadlineAt, period === undefined ? undefined : addPeriod(receivedAt, period)]
    .filter((at) => at !== undefined)
    .sort();
  if (first === undefined) return undefined;
  const at = waitUntil !== undefined && waitUntil > first ? waitUntil : first;
  const before = periodMs(emergency ? rule.alarmBeforeEmergency : rule.alarmBefore);
  const early = new Date(Date.parse(at) - before).toISOString();
  return { at, alarmAt: early > receivedAt ? early : receivedAt };
}
