import ipaddr from 'ipaddr.js';
import { asciiLower, type CategoryId, splitAddress, subaddressDelimiter } from '#shared/traffic';
import type { Order } from './check.ts';
import type { Scope } from './scope.ts';
import type { Target } from './target.ts';

/** What an officer asks for. Absent members mean: as the order says. */
export interface RequestedScope {
  readonly targets?: readonly Target[] | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly categories?: readonly CategoryId[] | undefined;
}

/** Why a request is not within its order. */
export type ScopeRefusal =
  | 'scope.target_not_in_order'
  | 'scope.window_not_in_order'
  | 'scope.window_reversed'
  | 'scope.category_not_in_order';

export type NarrowResult =
  | { readonly ok: true; readonly scope: Scope }
  | { readonly ok: false; readonly refusals: readonly ScopeRefusal[] };

/** The scope to run: the order's, narrowed by the request. A request never widens; every breach is named. */
export function narrowScope(order: Order, request: RequestedScope): NarrowResult {
  const targets = request.targets ?? order.scope.targets;
  const from = request.from ?? order.scope.from;
  const to = request.to ?? order.scope.to;
  const categories = request.categories ?? order.scope.categories;
  const refusals: ScopeRefusal[] = [];
  if (
    targets.length === 0 ||
    !targets.every((target) => order.scope.targets.some((o) => targetCovers(o, target)))
  ) {
    refusals.push('scope.target_not_in_order');
  }
  if (from < order.scope.from || to > order.scope.to) refusals.push('scope.window_not_in_order');
  if (from >= to) refusals.push('scope.window_reversed');
  if (categories.length === 0 || !categories.every((id) => order.scope.categories.includes(id))) {
    refusals.push('scope.category_not_in_order');
  }
  if (refusals.length > 0) return { ok: false, refusals };
  return { ok: true, scope: { targets, from, to, categories, collectedUpTo: order.receivedAt } };
}

/** Whether a scope of the order is all of it: nothing that the order asks for is left out. */
export function isWholeScope({ scope: ordered }: Order, scope: Scope): boolean {
  return (
    scope.from === ordered.from &&
    scope.to === ordered.to &&
    ordered.targets.every((target) => scope.targets.some((asked) => targetCovers(asked, target))) &&
    ordered.categories.every((id) => scope.categories.includes(id))
  );
}

/** Whether every record that matches `asked` also matches `ordered`. */
function targetCovers(ordered: Target, asked: Target): boolean {
  const exact = ordered.kind === 'messageId';
  const same = exact ? ordered.value === asked.value : asciiLower(ordered.value) === asciiLower(asked.value);
  if (ordered.kind === asked.kind && ordered.kind !== 'prefix') {
    if (same) return ordered.subaddresses === true || asked.subaddresses !== true;
    return ordered.kind === 'address' && ordered.subaddresses === true && isSubaddress(ordered.value, asked);
  }
  if (ordered.kind === 'domain' && asked.kind === 'address') {
    return asciiLower(splitAddress(asked.value).domain ?? '') === ordered.value;
  }
  if (ordered.kind === 'prefix' && (asked.kind === 'ip' || asked.kind === 'prefix')) {
    return prefixCovers(ordered.value, asked.kind === 'ip' ? null : asked.value, asked.value);
  }
  return false;
}

function isSubaddress(base: string, asked: Target): boolean {
  const { local, domain } = splitAddress(asciiLower(base));
  const value = asciiLower(asked.value);
  return value.startsWith(`${local}${subaddressDelimiter}`) && value.endsWith(`@${domain}`);
}

function prefixCovers(ordered: string, askedPrefix: string | null, askedIp: string): boolean {
  const [network, bits] = ipaddr.parseCIDR(ordered);
  const [ip, askedBits] =
    askedPrefix === null ? [ipaddr.parse(askedIp), null] : ipaddr.parseCIDR(askedPrefix);
  if (ip.kind() !== network.kind() || (askedBits !== null && askedBits < bits)) return false;
  return ip.match(network, bits);
}
