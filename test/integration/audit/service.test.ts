import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nameOfRoute, signedRoutes } from '#shared/control';
import { decodeBundle, decodeEntry } from '#shared/ledger';
import { type Person, startTestService, type TestService } from '../../support/test-service.ts';

let t: TestService;
let auditor: Person;
let orderId: string;

beforeAll(async () => {
  t = await startTestService();
  orderId = await t.approvedOrder();
  auditor = await t.enrol('auditor', 'the-auditor');
});
afterAll(() => t.stop());

interface Found {
  readonly items: readonly { index: number; entry: { kind: string; at: string } }[];
  readonly next: number | null;
  readonly size: number;
}

async function search(body: object): Promise<Found> {
  const answer = await auditor.call('POST', '/v1/ledger/search', { body });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return answer.body as unknown as Found;
}
const kindsOf = ({ items }: Found): string[] => items.map(({ entry }) => entry.kind);

describe('the rules that replay knows', () => {
  it('are those of the service: every signed route, with its roles', async () => {
    const { body } = await t.anonymous('GET', '/openapi.json');
    const { paths } = body as unknown as {
      paths: Record<string, Record<string, { security: unknown[]; description?: string }>>;
    };
    const described = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations)
        .filter(([, { security }]) => security.length > 0)
        .map(([method, { description = '' }]) => {
          const pattern = path.replaceAll(/\{([^}]+)\}/g, (_, name) => (name === '*' ? '*' : `:${name}`));
          const [, roles = ''] = /^For credentials of role: ([^.]*)\./.exec(description) ?? [];
          return `${method.toUpperCase()} ${pattern}: ${roles.split(', ').sort()}`;
        }),
    );
    const known = signedRoutes.map((route) => `${nameOfRoute(route)}: ${[...route.roles].sort()}`);
    expect(known.sort()).toEqual(described.sort());
  });
});

describe('an auditor', () => {
  it('reads any range of entries, byte for byte, and it is one entry on record', async () => {
    const before = t.ledger.checkpoint().size;
    const answer = await auditor.call('GET', `/v1/ledger/entries/2/${before}`);
    expect(answer.status).toBe(200);
    const leaves = decodeBundle(answer.bytes, before - 2) ?? [];
    const expected: string[] = [];
    for await (const { bytes } of t.ledger.entries(2, before)) expected.push(Buffer.from(bytes).toString());
    expect(leaves.map((leaf) => Buffer.from(leaf).toString())).toEqual(expected);
    expect(t.ledger.checkpoint().size).toBe(before + 1);
    for await (const { entry } of t.ledger.entries(before)) {
      expect(entry).toMatchObject({
        kind: 'access.granted',
        details: { route: 'GET /v1/ledger/entries/:first/:end' },
      });
    }
  });

  it.each([
    ['0/0', 422],
    ['5/4', 422],
    ['0/99999', 422],
    ['0/65537', 422],
    ['00/5', 422],
    ['-1/5', 422],
    ['0/1e3', 422],
    ['0/9999999999999999', 422],
  ])('is refused the range %s', async (range, status) => {
    expect((await auditor.call('GET', `/v1/ledger/entries/${range}`)).status).toBe(status);
  });

  it('finds entries by time, order, actor, kind and outcome, and by all together', async () => {
    expect(kindsOf(await search({ about: [orderId] }))).toEqual(['order.recorded', 'order.approved']);
    const ceremony = ['ledger.started', 'credential.enrolled', 'credential.enrolled'];
    expect(kindsOf(await search({ actor: 'disclosure' }))).toEqual(ceremony);
    for (const actor of ['first-administrator', t.administrator.key.kid]) {
      expect(new Set(kindsOf(await search({ actor })))).toEqual(new Set(['credential.enrolled']));
    }
    expect(new Set(kindsOf(await search({ actor: 'the-auditor', kinds: ['access.granted'] })))).toEqual(
      new Set(['access.granted']),
    );
    await auditor.call('GET', '/v1/orders/01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e');
    expect(new Set(kindsOf(await search({ outcome: 'refused' })))).toEqual(new Set(['access.refused']));
    t.clock.advance(60_000);
    const from = new Date(t.clock.now()).toISOString();
    const { items } = await search({ from });
    expect(items).toHaveLength(1);
    expect(items[0]?.entry.at).toBe(from);
    const all = await search({ to: '2096-11-20T09:00:00.000Z', about: [orderId], kinds: ['order.approved'] });
    expect(kindsOf(all)).toEqual(['order.approved']);
    expect(kindsOf(await search({ about: [orderId], outcome: 'failed' }))).toEqual([]);
  });

  it('finds readings of an order by the URL that was signed', async () => {
    const reviewer = await t.enrol('reviewer');
    await reviewer.call('GET', `/v1/orders/${orderId}/document`);
    expect(kindsOf(await search({ about: [orderId], kinds: ['access.granted'] }))).toEqual([
      'access.granted',
    ]);
  });

  it('pages through all entries once, leaving one entry for each page', async () => {
    const before = t.ledger.checkpoint().size;
    const seen: number[] = [];
    let pages = 0;
    for (let first: number | null = 0; first !== null && pages < 50; pages++) {
      const page: Found = await search({ first, limit: 10 });
      seen.push(...page.items.map(({ index }) => index));
      first = page.next;
    }
    const size = t.ledger.checkpoint().size;
    expect(size).toBe(before + pages);
    expect(seen).toEqual(Array.from({ length: size }, (_, index) => index));
    expect(pages).toBe(Math.ceil(size / 10));
  });

  it.each([
    [{ limit: 0 }],
    [{ limit: 1001 }],
    [{ first: -1 }],
    [{ about: Array.from({ length: 17 }, () => '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e') }],
    [{ about: ['alice@example.nl'] }],
    [{ actor: 'alice@example.nl' }],
    [{ kinds: ['order.forged'] }],
    [{ from: 'yesterday' }],
    [{ everything: true }],
  ])('is refused the search %j', async (body) => {
    expect((await auditor.call('POST', '/v1/ledger/search', { body })).status).toBe(422);
  });

  it('alone may read entries: every other role is refused, on record', async () => {
    for (const role of ['registrar', 'reviewer', 'officer', 'administrator'] as const) {
      const other = role === 'administrator' ? t.administrator : await t.enrol(role);
      expect((await other.call('POST', '/v1/ledger/search', { body: {} })).body.code).toBe('access.role');
      expect((await other.call('GET', '/v1/ledger/entries/0/1')).body.code).toBe('access.role');
    }
    expect((await t.anonymous('POST', '/v1/ledger/search', { body: {} })).status).toBe(401);
  });

  it('reads leaves that decode, at every beginning and end', async () => {
    const { size } = t.ledger.checkpoint();
    for (const [first, end] of [
      [0, 1],
      [size - 1, size],
      [3, 7],
    ] as const) {
      const { bytes } = await auditor.call('GET', `/v1/ledger/entries/${first}/${end}`);
      expect((decodeBundle(bytes, end - first) ?? []).map((leaf) => decodeEntry(leaf).v)).toEqual(
        Array.from({ length: end - first }, () => 1),
      );
    }
  });
});
