import type { NotUnderstoodReason } from '../adapter.ts';

/** Services whose clients log in. `submission` also stands for an SMTP server that authenticates here. */
export type SessionService = 'imap' | 'pop3' | 'managesieve' | 'submission';

/** Where a client came from, as far as one line tells. Addresses are in normal form. */
export interface Endpoint {
  readonly ip?: string;
  readonly port?: number;
  /** The proxy's own address, where the server was told the client's by that proxy. */
  readonly proxyIp?: string;
  /** Absent where the connection was secured by other means than TLS, or the line does not say. */
  readonly tls?: boolean;
}

/** Who, in which session. Both absent where the server had none. */
export interface Party {
  readonly user?: string;
  readonly session?: string;
}

/**
 * What one line says, whatever its format: text lines and JSON events are both parsed into this, and one
 * correlator reads it. Every field is a copy of a named part of the line; there is none for content.
 */
export type Observation =
  | ({ readonly kind: 'login'; readonly service: SessionService; readonly from: Endpoint } & Party)
  | ({
      readonly kind: 'loginFailed';
      readonly service: SessionService;
      readonly from: Endpoint;
      readonly outcome: string;
    } & Party)
  /** One user database refused a user; whether the login failed is for others to say. */
  | ({ readonly kind: 'lookupFailed'; readonly from: Endpoint } & Party)
  | ({
      readonly kind: 'logout';
      readonly service: SessionService;
      readonly from: Endpoint;
      readonly received?: number;
      readonly sent?: number;
      /** The session read message bodies. */
      readonly retrieved: boolean;
    } & Party)
  /** The open session read a message body. */
  | { readonly kind: 'retrieval'; readonly session: string }
  | ({
      readonly kind: 'delivery';
      readonly agent: 'lmtp' | 'lda';
      readonly type: 'message.delivered' | 'message.deferred' | 'message.rejected';
      readonly outcome: string;
      readonly pid?: string;
      readonly originIp?: string;
      readonly message: MessageFacts;
    } & Party)
  | ({ readonly kind: 'submitted'; readonly accepted: boolean; readonly from: Endpoint } & Party & {
        readonly message: MessageFacts;
      })
  /** The mail server that speaks to an LMTP process, from connect to disconnect. */
  | { readonly kind: 'peer'; readonly pid: string; readonly ip?: string };

export interface MessageFacts {
  /** As logged, with its brackets. */
  readonly id?: string;
  /** The line's Message-ID could not be told from the text around it. */
  readonly idUnclear?: true;
  /** Envelope sender; the empty string is the null reverse-path. */
  readonly sender?: string;
  /** Envelope recipient. */
  readonly recipient?: string;
  readonly size?: number;
  readonly recipientCount?: number;
  readonly replyCode?: number;
  readonly dsn?: string;
}

export type Parsed =
  | { readonly kind: 'observed'; readonly observation: Observation }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'notUnderstood'; readonly reason: NotUnderstoodReason };

export const ignored: Parsed = { kind: 'ignored' };
export const observed = (observation: Observation): Parsed => ({ kind: 'observed', observation });
export const notUnderstood = (reason: NotUnderstoodReason): Parsed => ({ kind: 'notUnderstood', reason });

/** The value, or no property at all: absent fields are absent, never `undefined`. */
export function present<K extends string, V>(name: K, value: V | null | undefined): { [P in K]?: V } {
  return value === null || value === undefined ? {} : ({ [name]: value } as { [P in K]?: V });
}

/** A decimal count within JavaScript's exact integers. */
export function toCount(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

export function toPort(text: string | undefined): number | undefined {
  const value = toCount(text);
  return value !== undefined && value >= 1 && value <= 65_535 ? value : undefined;
}
