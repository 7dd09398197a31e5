import { z } from 'zod';
import { utcTimestamp } from '#shared/traffic';

/*
 * What the ledger says of holds. An order keeps what it is about from the moment in which it is recorded: an
 * order to preserve until its time is over, an order to produce until it is fulfilled or over. Records that are
 * held are copies, apart from the traffic, with an end of their own; when that has come they are removed, and
 * removal is in the ledger as that of days is: what there was, then that it is gone.
 *
 * Every entry about a hold has the order's id as its subject: an order has one hold.
 */

const count = z.int().min(0);

/** Why a hold ends. */
export const holdEndReasons = [
  /** The time for which its order keeps is over. */
  'period_over',
  /** An order to produce: all that it asks for was fetched. */
  'fulfilled',
  /** The order was rejected, withdrawn or found void. */
  'order_over',
  'lifted',
] as const;
export type HoldEndReason = (typeof holdEndReasons)[number];

/** Why an order to preserve keeps for longer. */
export const holdExtensions = ['extension', 'production_confirmed'] as const;
export type HoldExtension = (typeof holdExtensions)[number];

/** Why a hold is lifted before its time. */
export const holdLiftings = ['by_authority', 'recorded_in_error', 'other'] as const;

const amount = { records: count, bytes: count };

export const holdDetails = {
  /** Every matching record is kept that was within its retention period at `since`, or came later. */
  'hold.placed': z.strictObject({ since: utcTimestamp, until: utcTimestamp }),
  /** All that was there then is copied; what comes later is, as it comes. */
  'hold.copied': z.strictObject({ records: count }),
  /** `until`: what follows from the reason and the order's regime. */
  'hold.extended': z.strictObject({ reason: z.enum(holdExtensions), until: utcTimestamp }),
  'hold.lifted': z.strictObject({ reason: z.enum(holdLiftings) }),
  /** It is over, and what there is of it is about to be removed. */
  'hold.ended': z.strictObject({ reason: z.enum(holdEndReasons), ...amount }),
  /** Nothing of it is there: `records` and `bytes` are what was, by the entry of its end. */
  'hold.deleted': z.strictObject({ ...amount, goneAt: utcTimestamp }),
} as const;

type Details = { [K in keyof typeof holdDetails]: z.infer<(typeof holdDetails)[K]> };
export type HoldKind = keyof Details;

/** What the retention service writes of holds: time and actor are added by who appends it. */
export type KeptHoldKind = 'hold.copied' | 'hold.ended' | 'hold.deleted';
export type HoldDraft = {
  [K in KeptHoldKind]: { readonly kind: K; readonly subject: string; readonly details: Details[K] };
}[KeptHoldKind];

export const isHoldDraft = <T extends { readonly kind: string }>(
  draft: T,
): draft is Extract<T, { readonly kind: KeptHoldKind }> => Object.hasOwn(holdDetails, draft.kind);

/** A hold as the ledger knows it. */
export interface HoldState {
  readonly orderId: string;
  readonly since: string;
  /** Of an order to preserve: its last instant, with what it was extended by. */
  readonly until: string;
  readonly placedAt: string;
  /** Extensions that the authority asked for. */
  readonly extensions: number;
  readonly confirmedAt?: string;
  readonly copied?: Details['hold.copied'] & { readonly at: string };
  readonly lifted?: Details['hold.lifted'] & { readonly at: string };
  readonly ended?: Details['hold.ended'] & { readonly at: string };
  readonly deleted?: Details['hold.deleted'] & { readonly at: string };
}

/** A step about a hold, whoever takes it. */
export type HoldStep = {
  [K in HoldKind]: { readonly kind: K; readonly details: Details[K] };
}[HoldKind];

/** The hold after a step that the rules allow (`decide-hold.ts`). */
export function nextHold(
  before: HoldState | undefined,
  orderId: string,
  step: HoldStep,
  at: string,
): HoldState {
  if (step.kind === 'hold.placed') return { orderId, ...step.details, placedAt: at, extensions: 0 };
  if (before === undefined) throw new RangeError('a hold that was not placed has no next step');
  switch (step.kind) {
    case 'hold.copied':
      return { ...before, copied: { ...step.details, at } };
    case 'hold.extended': {
      const { reason, until } = step.details;
      return reason === 'extension'
        ? { ...before, until, extensions: before.extensions + 1 }
        : { ...before, until, confirmedAt: at };
    }
    case 'hold.lifted':
      return { ...before, lifted: { ...step.details, at } };
    case 'hold.ended':
      return { ...before, ended: { ...step.details, at } };
    case 'hold.deleted':
      return { ...before, deleted: { ...step.details, at } };
  }
}
