import { describe, expect, it } from 'vitest';
import { entryKinds } from '#shared/control';
import { matchPath, routeNamed, routeOfKind, signedRoutes } from '../../../shared/control/routes.ts';

describe('a signed URL and the route that an entry names', () => {
  it.each<[string, string, object | null]>([
    ['/v1/orders', '/v1/orders', {}],
    ['/v1/orders', '/v1/orders/', null],
    ['/v1/orders', '/v1/order', null],
    ['/v1/orders/:orderId', '/v1/orders/abc', { orderId: 'abc' }],
    ['/v1/orders/:orderId', '/v1/orders/', null],
    ['/v1/orders/:orderId', '/v1/orders/abc/document', null],
    ['/v1/orders/:orderId/document', '/v1/orders/abc/approval', null],
    ['/v1/orders/:orderId', '/v1/%6Frders/%61bc', { orderId: 'abc' }],
    ['/v1/orders/:orderId', '/v1/orders/%zz', null],
    ['/ledger/tile/entries/*', '/ledger/tile/entries/x001/234.p/5', {}],
    ['/ledger/tile/entries/*', '/ledger/tile/entries', null],
    ['/v1/ledger/entries/:first/:end', '/v1/ledger/entries/0/5', { first: '0', end: '5' }],
  ])('%s against %s', (pattern, path, expected) => {
    expect(matchPath(pattern, path)).toEqual(expected);
  });

  it('are told apart from routes of other versions and from no routes', () => {
    expect(routeNamed('GET /v1/orders')).toMatchObject({ known: true });
    expect(routeNamed('GET /v9/orders/:orderId')).toMatchObject({ known: false });
    for (const name of ['', 'GET', 'DELETE /v1/orders', 'GET v1', 'GET /a b', 'GET /é']) {
      expect(routeNamed(name)).toBeNull();
    }
  });

  it('leave each kind by one route, and every kind that a person causes by some', () => {
    const changing = signedRoutes.filter(({ kind }) => kind !== 'access.granted').map(({ kind }) => kind);
    expect(new Set(changing).size).toBe(changing.length);
    const unrouted = entryKinds.filter((kind) => routeOfKind(kind) === undefined);
    expect(unrouted).toEqual([
      'ledger.started',
      'configuration.changed',
      'ledger.key_rotated',
      'ledger.voided',
      'order.estimated',
      'order.expired',
      'order.deadline_alarm',
      'disclosure.released',
      'disclosure.failed',
      'disclosure.interrupted',
      'hold.placed',
      'retention.package_removed',
      'pattern.alarm',
      'revocation_list.taken',
      'access.granted',
      'access.refused',
      'access.noise',
    ]);
  });
});
