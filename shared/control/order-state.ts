import type { ClockStop } from '#shared/orders';
import type { DetailsOf } from './details.ts';
import type { Person } from './state.ts';

/** Status words of ETSI TS 103 120. */
export const orderStatuses = [
  'AwaitingApproval',
  'Approved',
  'Rejected',
  'Suspended',
  'Cancelled',
  'Expired',
  'Invalid',
] as const;
export type OrderStatus = (typeof orderStatuses)[number];

/** One version of an order; its contents are in the case file that `commitments` names. */
export interface OrderVersion {
  readonly details: DetailsOf<'order.recorded'>;
  readonly commitments: Readonly<Record<string, string>>;
  readonly recordedAt: string;
  /** Thumbprint and person of the registrar. */
  readonly recordedBy: Person;
  readonly decision?: { readonly status: 'Approved' | 'Rejected'; readonly at: string; readonly by: Person };
}

/** An order as the ledger knows it: the version in force, and what happened to the order as a whole. */
export interface OrderState extends OrderVersion {
  readonly orderId: string;
  /** Versions that were replaced, oldest first. */
  readonly earlier: readonly OrderVersion[];
  readonly suspendedAt?: string;
  readonly revoked?: { readonly status: 'Cancelled' | 'Invalid'; readonly at: string };
  /** Questions to the authority, oldest first; the last is open where it has no answer. */
  readonly clarifications: readonly {
    readonly askedAt: string;
    readonly stopsClock: boolean;
    readonly answeredAt?: string;
  }[];
  /** The enforcing authority's answer about the version in force. */
  readonly notificationAnswer?: DetailsOf<'order.notification_answered'>['answer'];
  /** Ids of what had to follow the emergency, and did. */
  readonly followedUp: readonly string[];
  /** Last counts that each person was shown of the version in force, by person. */
  readonly estimates: Readonly<Record<string, DetailsOf<'order.estimated'>>>;
  /** Alarms that were raised, by `alarmKey`. */
  readonly alarms: readonly string[];
  /** Time of the first release. */
  readonly answeredAt?: string;
  /** When a package with all that it asks for was fetched. */
  readonly fulfilledAt?: string;
  readonly expiryRecorded: boolean;
  /** When its case files and their key were destroyed: nothing is done about it any more. */
  readonly erasedAt?: string;
}

export function orderStatus(order: OrderState, at: string): OrderStatus {
  if (order.revoked) return order.revoked.status;
  if (order.decision?.status === 'Rejected' || order.notificationAnswer === 'objection') return 'Rejected';
  if (at > order.details.validUntil) return 'Expired';
  if (order.suspendedAt !== undefined) return 'Suspended';
  return order.decision?.status ?? 'AwaitingApproval';
}

/** The question that the authority has not answered yet. */
export function openClarification(order: OrderState): OrderState['clarifications'][number] | undefined {
  const last = order.clarifications.at(-1);
  return last?.answeredAt === undefined ? last : undefined;
}

/** When the order's clock stood still. */
export function clockStops(order: OrderState): ClockStop[] {
  return order.clarifications
    .filter(({ stopsClock }) => stopsClock)
    .map(({ askedAt, answeredAt }) => ({
      from: askedAt,
      ...(answeredAt === undefined ? {} : { to: answeredAt }),
    }));
}

/** Persons who wrote any version: none of them may decide on the order. */
export function authorsOf(order: OrderState): ReadonlySet<string> {
  return new Set([...order.earlier, order].map(({ recordedBy }) => recordedBy.personId));
}
