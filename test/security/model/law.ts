import type { Role } from '#shared/control';
import {
  type Act,
  type Credential,
  mayDo,
  newOrder,
  type Order,
  type OrderVersion,
  type Request,
  set,
} from './acts.ts';

/*
 * The law of the gate, written from the texts (LEDGER.md "Signed requests"; DESIGN.md "Promises"; DOMAIN.md
 * "Orders"; the "People and credentials") and not from the implementation, of which it runs nothing.
 */

const day = 86_400_000;
const handlers: readonly Role[] = ['registrar', 'reviewer'];

export class Law {
  readonly credentials = new Map<string, Credential>();
  readonly orders = new Map<string, Order>();
  readonly requests = new Map<string, Request>();
  readonly #used = new Set<number>();
  clock: number;
  /** The time that the ledger bears out: a clock that is more than five seconds behind it decides nothing. */
  borneOut: number;

  constructor(now: number) {
    this.clock = this.borneOut = now;
  }

  readonly clockIsRight = () => this.clock >= this.borneOut - 5_000;
  readonly at = () => Math.max(this.clock, this.borneOut);
  readonly isActive = ({ waitsFor, ended, from, until }: Credential) =>
    !ended && waitsFor === null && from <= this.at() && this.at() < until;
  readonly isOpen = (order: Order) => !order.rejected && !order.withdrawn && this.at() <= order.until;
  isReleasable({ order: name, version }: OrderVersion): boolean {
    const order = this.orders.get(name);
    if (!order || !this.isOpen(order) || !order.approved || order.suspended) return false;
    return order.kind !== 'preserve' && order.version === version && this.at() >= order.waits;
  }

  /** Whether the act is allowed; what it changes is so from then on. A signature that was used is refused. */
  allows(act: Act, signature: number): boolean {
    const by = this.credentials.get(act.by);
    const age = (now: number) => Math.floor(now / 1000) - Math.floor(act.signedAt / 1000);
    if (!by || !this.clockIsRight() || age(this.clock) < -60 || age(this.at()) > 120) return false;
    const mayAct =
      this.isActive(by) && !this.#used.has(signature) && (mayDo[act.do] ?? [by.role]).includes(by.role);
    this.#used.add(signature);
    const allowed = mayAct && this.#isTaken(act, by);
    if (allowed) this.borneOut = this.at();
    return allowed;
  }

  /** What waits is released, or never is: as its order stands now. */
  settle(): void {
    for (const asked of this.requests.values()) {
      if (asked.state === 'waiting')
        set(asked, { state: this.isReleasable(asked) ? 'released' : 'ended', at: this.at() });
    }
  }

  #isTaken(act: Act, by: Credential): boolean {
    const order = 'order' in act ? this.orders.get(act.order) : undefined;
    const asked = 'request' in act ? this.requests.get(act.request) : undefined;
    const whom = 'whom' in act ? this.credentials.get(act.whom) : undefined;
    const isMeant = order && this.isOpen(order) && 'version' in act && act.version === order.version;
    const isByOther = isMeant && !order.authors.includes(by.person);
    const isDecidable = isByOther && !order.approved && !order.suspended;
    const everybody = [...this.credentials.values()];
    switch (act.do) {
      case 'enrol': {
        const { whom: name, person, role, from, until } = act;
        const mayHold = (has: Role) => has === role || (handlers.includes(has) && handlers.includes(role));
        const held = everybody.filter((one) => one.person === person && !one.ended && this.at() < one.until);
        if (whom || !held.every((one) => mayHold(one.role))) return false;
        return !!this.credentials.set(name, { person, role, from, until, waitsFor: by.person, ended: false });
      }
      case 'confirm':
        if (!whom || whom.ended || whom.waitsFor === null || whom.waitsFor === by.person) return false;
        return set(whom, { waitsFor: null });
      case 'revoke': {
        const isLeft = everybody.some(
          (one) => one !== whom && one.role === 'administrator' && this.isActive(one),
        );
        return isLeft && whom?.ended === false && set(whom, { ended: true });
      }
      case 'rotate':
        if (whom) return false;
        return !!this.credentials.set(act.whom, { ...by, from: this.at() }) && set(by, { ended: true });
      case 'record': {
        const { kind, until, received } = act;
        const waits = kind === 'notified' ? received + 10 * day : 0;
        return !!this.orders.set(act.order, { ...newOrder, kind, until, waits, authors: [by.person] });
      }
      case 'amend': {
        if (!isMeant) return false;
        const next = { version: order.version + 1, until: act.until, approved: false };
        return set(order, { ...next, authors: [...order.authors, by.person] });
      }
      case 'approve':
        return !!isDecidable && set(order, { approved: true });
      case 'reject':
        return !!isDecidable && set(order, { rejected: true });
      case 'suspend':
        return !!order && this.isOpen(order) && !order.suspended && set(order, { suspended: true });
      case 'resume':
        return !!isByOther && order.suspended && set(order, { suspended: false });
      case 'withdraw':
        return order?.withdrawn === false && set(order, { withdrawn: true });
      case 'request':
        if (act.wider || !this.isReleasable(act)) return false;
        return !!this.requests.set(act.request, {
          ...act,
          person: by.person,
          state: 'waiting',
          at: this.at(),
        });
      case 'cancel':
        return asked?.state === 'waiting' && asked.person === by.person && set(asked, { state: 'ended' });
      case 'collect': {
        const of = this.orders.get(asked?.order ?? '');
        if (!of || asked?.state !== 'released' || asked.person !== by.person) return false;
        return !of.withdrawn && !of.rejected && !of.suspended && of.version === asked.version;
      }
    }
  }
}
