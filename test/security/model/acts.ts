import type { Role } from '#shared/control';

/** What somebody tries to do. Credentials, orders and requests have names; times are milliseconds since the epoch. */
export type Act = Signed &
  (
    | ({ readonly do: 'enrol'; readonly whom: string; readonly person: string } & Rights)
    | { readonly do: 'confirm' | 'revoke' | 'rotate'; readonly whom: string }
    | ({ readonly do: 'record'; readonly order: string; readonly until: number } & Received)
    | ({ readonly do: 'amend'; readonly until: number } & OrderVersion)
    | ({ readonly do: 'approve' | 'reject' | 'resume' } & OrderVersion)
    | { readonly do: 'suspend' | 'withdraw'; readonly order: string }
    /** `wider`: over more than the order says. */
    | ({ readonly do: 'request'; readonly request: string; readonly wider: boolean } & OrderVersion)
    | { readonly do: 'cancel' | 'collect'; readonly request: string }
  );

export interface Signed {
  /** Credential whose key signs, and the time that it puts into the request. */
  readonly by: string;
  readonly signedAt: number;
}

export interface Rights {
  readonly role: Role;
  readonly from: number;
  readonly until: number;
}

export interface OrderVersion {
  readonly order: string;
  readonly version: number;
}

export interface Received {
  readonly kind: OrderKind;
  readonly received: number;
}

/** `notified`: another authority had to be notified at the order's receipt, and has not answered. */
export type OrderKind = 'plain' | 'notified' | 'preserve';

export type Credential = Rights & { person: string; waitsFor: string | null; ended: boolean };
type Flags = { approved: boolean; rejected: boolean; suspended: boolean; withdrawn: boolean };
export type Order = Flags & {
  kind: OrderKind;
  authors: string[];
  version: number;
  until: number;
  /** Until when release waits for an answer. */
  waits: number;
};
export type Request = OrderVersion & {
  person: string;
  state: 'waiting' | 'released' | 'ended';
  at: number;
};

const admin: readonly Role[] = ['administrator'];
const keepers: readonly Role[] = ['registrar', 'reviewer'];
/** Who may do what; undefined: everybody. */
export const mayDo: Readonly<Record<Act['do'], readonly Role[] | undefined>> = {
  ...{ enrol: admin, confirm: admin, revoke: admin, rotate: undefined },
  ...{ record: ['registrar'], amend: ['registrar'], suspend: keepers, withdraw: keepers },
  ...{ approve: ['reviewer'], reject: ['reviewer'], resume: ['reviewer'] },
  ...{ request: ['officer'], cancel: ['officer'], collect: ['officer'] },
};
export const newOrder = {
  version: 1,
  approved: false,
  rejected: false,
  suspended: false,
  withdrawn: false,
} as const;

/** Sets members, and is true, so that a rule can end with what it changes. */
export const set = <T extends object>(what: T, to: Partial<T>): true => !!Object.assign(what, to) as true;
