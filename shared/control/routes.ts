import type { EntryKind } from './details.ts';
import { type Role, roles } from './roles.ts';

/**
 * The signed routes of the disclosure API, as replay needs them: who may call each, and which kind of entry
 * an allowed call leaves. A test compares this table with the service's own description.
 */
export interface SignedRoute {
  readonly method: 'GET' | 'POST';
  /** Path pattern under the service's public URL: `:name` is one segment, `*` the rest. */
  readonly path: string;
  readonly roles: readonly Role[];
  readonly kind: EntryKind;
}

const handlers: readonly Role[] = ['registrar', 'reviewer', 'officer'];
const keepers: readonly Role[] = ['registrar', 'reviewer'];
const row = (
  method: SignedRoute['method'],
  path: string,
  allowed: readonly Role[],
  kind: EntryKind = 'access.granted',
): SignedRoute => ({ method, path, roles: allowed, kind });

export const signedRoutes: readonly SignedRoute[] = [
  row('POST', '/v1/credentials', ['administrator'], 'credential.enrolled'),
  row('POST', '/v1/credentials/:thumbprint/confirmation', ['administrator'], 'credential.confirmed'),
  row('POST', '/v1/credentials/rotation', roles, 'credential.rotated'),
  row('POST', '/v1/credentials/:thumbprint/revocation', ['administrator'], 'credential.revoked'),
  row('GET', '/v1/credentials', ['administrator', 'auditor']),
  row('GET', '/v1/authorities', ['administrator', 'auditor']),
  row('POST', '/v1/orders', ['registrar'], 'order.recorded'),
  row('GET', '/v1/orders', [...handlers, 'auditor']),
  row('GET', '/v1/orders/:orderId', handlers),
  row('GET', '/v1/orders/:orderId/document', handlers),
  row('GET', '/v1/orders/:orderId/estimate', ['reviewer']),
  row('POST', '/v1/orders/:orderId/approval', ['reviewer'], 'order.approved'),
  row('POST', '/v1/orders/:orderId/rejection', ['reviewer'], 'order.rejected'),
  row('POST', '/v1/orders/:orderId/amendment', ['registrar'], 'order.amended'),
  row('POST', '/v1/orders/:orderId/suspension', keepers, 'order.suspended'),
  row('POST', '/v1/orders/:orderId/resumption', ['reviewer'], 'order.resumed'),
  row('POST', '/v1/orders/:orderId/revocation', keepers, 'order.revoked'),
  row('POST', '/v1/orders/:orderId/clarification', keepers, 'order.clarification_asked'),
  row('POST', '/v1/orders/:orderId/clarification-answer', keepers, 'order.clarification_answered'),
  row('POST', '/v1/orders/:orderId/notification-answer', keepers, 'order.notification_answered'),
  row('POST', '/v1/orders/:orderId/follow-up', keepers, 'order.followed_up'),
  row('POST', '/v1/orders/:orderId/erasure', ['reviewer'], 'case.erased'),
  row('POST', '/v1/orders/:orderId/hold-extension', ['reviewer'], 'hold.extended'),
  row('POST', '/v1/orders/:orderId/hold-lifting', ['reviewer'], 'hold.lifted'),
  row('GET', '/v1/holds', [...keepers, 'auditor']),
  row('POST', '/v1/disclosures', ['officer'], 'disclosure.requested'),
  row('GET', '/v1/disclosures/:disclosureId', ['officer', 'auditor']),
  row('GET', '/v1/disclosures/:disclosureId/progress', ['officer', 'auditor']),
  row('POST', '/v1/disclosures/:disclosureId/cancellation', ['officer'], 'disclosure.cancelled'),
  row('GET', '/v1/disclosures/:disclosureId/package', ['officer'], 'disclosure.collected'),
  row('GET', '/v1/retention', ['retention', 'auditor']),
  row('POST', '/v1/retention/policy', ['retention'], 'retention.configured'),
  row('POST', '/v1/retention/runs', ['retention'], 'retention.started'),
  row('POST', '/v1/retention/certificates', ['retention'], 'retention.certified'),
  row('POST', '/v1/retention/alarms', ['retention'], 'retention.overdue'),
  row('POST', '/v1/retention/sums', ['retention'], 'retention.reconciled'),
  row('POST', '/v1/retention/keys', ['retention'], 'disk_key.created'),
  row('POST', '/v1/retention/keys/retired', ['retention'], 'disk_key.retired'),
  row('POST', '/v1/retention/keys/destroyed', ['retention'], 'disk_key.destroyed'),
  row('GET', '/v1/retention/holds', ['retention']),
  row('GET', '/v1/retention/holds/:orderId/scope', ['retention']),
  row('POST', '/v1/retention/holds/:orderId/copied', ['retention'], 'hold.copied'),
  row('POST', '/v1/retention/holds/:orderId/ended', ['retention'], 'hold.ended'),
  row('POST', '/v1/retention/holds/:orderId/deleted', ['retention'], 'hold.deleted'),
  row('GET', '/ledger/tile/entries/*', ['auditor']),
  row('GET', '/v1/ledger/entries/:first/:end', ['auditor']),
  row('POST', '/v1/ledger/search', ['auditor']),
];

/** Method and pattern as entries name a route: `GET /v1/orders/:orderId`. */
export const nameOfRoute = ({ method, path }: Pick<SignedRoute, 'method' | 'path'>): string =>
  `${method} ${path}`;

const byName = new Map(signedRoutes.map((route) => [nameOfRoute(route), route]));

/**
 * The route that an entry names. One that this version does not know has no rules to judge by: its roles
 * are all, and `known` is false.
 * @returns null where the text is no route's name at all.
 */
export function routeNamed(name: string): { readonly route: SignedRoute; readonly known: boolean } | null {
  const route = byName.get(name);
  if (route) return { route, known: true };
  const match = /^(GET|POST) (\/[A-Za-z0-9:*/._-]*)$/.exec(name);
  const [, method, path] = match ?? [];
  if (path === undefined) return null;
  return {
    route: { method: method === 'GET' ? 'GET' : 'POST', path, roles, kind: 'access.granted' },
    known: false,
  };
}

/** The route of which an allowed call leaves this kind; none for readings and the service's own kinds. */
export function routeOfKind(kind: EntryKind): SignedRoute | undefined {
  const asRequested = kind === 'disclosure.refused' ? 'disclosure.requested' : kind;
  return asRequested === 'access.granted' ? undefined : signedRoutes.find((r) => r.kind === asRequested);
}

/**
 * The values of the pattern's parameters in a path, or null where the path is not the pattern's. Segments
 * are compared decoded, as the service's router does.
 */
export function matchPath(pattern: string, path: string): Readonly<Record<string, string>> | null {
  const [wanted, found] = [pattern.split('/'), path.split('/').map(decodeSegment)];
  const params: Record<string, string> = {};
  for (const [i, segment] of wanted.entries()) {
    const value = found[i];
    if (segment === '*') return found.length > i ? params : null;
    if (value === undefined) return null;
    if (segment.startsWith(':') && value !== '') params[segment.slice(1)] = value;
    else if (segment !== value) return null;
  }
  return wanted.length === found.length ? params : null;
}

function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
