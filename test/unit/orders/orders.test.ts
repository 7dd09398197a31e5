import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkOrder as check,
  eventInScope,
  narrowScope,
  type Order,
  type OrderDraft,
  orderDraftSchema,
  parseTarget,
  type Target,
  targetMatches,
} from '#shared/orders';
import { shippedRegimes } from '#shared/regimes';
import { testEvent } from '../../support/events.ts';

const now = '2026-11-20T09:00:00.000Z';

const regimes = shippedRegimes();
const checkOrder = (draft: OrderDraft, at: string) => check(draft, at, regimes);

const complete: OrderDraft = orderDraftSchema.parse({
  regime: 'EU_EPOC',
  type: 'produce',
  legalBasis: 'Article 5',
  dataCategory: 'traffic',
  issuingState: 'DE',
  issuer: { authority: 'Amtsgericht Berlin', role: 'judge', fileReference: '1 Js 1/26' },
  addressee: 'Example Mail',
  scope: {
    targets: [{ kind: 'address', value: 'Alice@Example.NL' }],
    from: '2026-11-01T01:00:00+01:00',
    to: '2026-11-10T00:00:00Z',
    categories: ['sender', 'recipient'],
  },
  offence: { provisions: 'StGB 263', threshold: 'three years' },
  notification: { required: false },
  recipients: [{ name: 'Amtsgericht', encryptionKey: `age1${'q'.repeat(58)}` }],
  issuedAt: '2026-11-19T00:00:00Z',
  receivedAt: '2026-11-20T08:00:00Z',
  validUntil: '2026-12-01T00:00:00Z',
});

const target = (kind: Target['kind'], value: string, subaddresses = false): Target => {
  const parsed = parseTarget(kind, value, subaddresses);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.target;
};

/** A draft without the member at a dotted path. */
function without(path: string): OrderDraft {
  const copy = structuredClone(complete);
  const names = path.split('.');
  const last = names.pop() ?? '';
  const parent = names.reduce<object>((value, name) => Reflect.get(value, name), copy);
  Reflect.deleteProperty(parent, last);
  return copy;
}

describe('an order is complete and admissible, or every problem is named with its rule', () => {
  it('accepts a complete one and gives its times and targets in normal form', () => {
    const checked = checkOrder(complete, now);
    expect(checked).toMatchObject({
      ok: true,
      order: {
        scope: {
          from: '2026-11-01T00:00:00.000Z',
          targets: [{ kind: 'address', value: 'Alice@example.nl' }],
        },
      },
    });
  });

  it.each(
    [...regimes.values()].flatMap(({ id, required }) => required.map(({ path }) => [id, path] as const)),
  )('%s without %s', (regime, path) => {
    const validatedBy = { name: 'Judge', role: 'judge' as const };
    const draft = { ...without(path.startsWith('validatedBy') ? 'legalBasis' : path), regime };
    const checked = checkOrder(path === 'validatedBy' ? draft : { ...draft, validatedBy }, now);
    const rule = regimes.get(regime)?.required.find((required) => required.path === path);
    if (checked.ok) throw new Error('was accepted');
    expect(checked.problems).toContainEqual(
      expect.objectContaining({ path, kind: 'missing', rule: rule?.id, source: rule?.source }),
    );
  });

  it.each([
    [
      'a prosecutor alone under an EPOC',
      { issuer: { ...complete.issuer, role: 'public_prosecutor' as const } },
      'epoc.issuer',
    ],
    ['another category of data', { dataCategory: 'subscriber' as const }, 'order.data_category'],
    ['production under a preservation regime', { regime: 'EU_EPOC_PR' as const }, 'order.type'],
    ['a receipt in the future', { receivedAt: '2026-11-20T09:00:00.001Z' }, 'order.received_at'],
    ['an issue after the receipt', { issuedAt: '2026-11-20T08:00:00.001Z' }, 'order.issued_at'],
    ['an end before the receipt', { validUntil: '2026-11-20T08:00:00.000Z' }, 'order.valid_until'],
  ])('refuses %s', (_name, change, rule) => {
    const checked = checkOrder({ ...complete, ...change }, now);
    if (checked.ok) throw new Error('was accepted');
    expect(checked.problems.map((problem) => problem.rule)).toContain(rule);
  });

  it('a validated prosecutor may issue an EPOC, and an EPOC-PR without', () => {
    const issuer = { ...complete.issuer, role: 'public_prosecutor' as const };
    const validatedBy = { name: 'Amtsgericht', role: 'court' as const };
    expect(checkOrder({ ...complete, issuer, validatedBy }, now).ok).toBe(true);
    const { notification: _, ...rest } = complete;
    expect(checkOrder({ ...rest, issuer, regime: 'EU_EPOC_PR', type: 'preserve' }, now).ok).toBe(true);
  });

  it('never throws, whatever the draft', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const parsed = orderDraftSchema.safeParse(value);
        if (parsed.success) checkOrder(parsed.data, now);
      }),
    );
  });
});

describe('targets match what they name and nothing else', () => {
  it.each([
    ['address', 'alice@example.nl', { recipientAddress: 'ALICE@example.nl' }, true],
    ['address', 'alice@example.nl', { recipientAddress: 'alice+tag@example.nl' }, false],
    ['address', 'alice@example.nl', { recipientAddress: 'malice@example.nl' }, false],
    ['address', 'alice@example.nl', { recipientOriginalAddress: 'alice@example.nl' }, true],
    ['address', 'alice@example.nl', { senderUser: 'alice@example.nl' }, true],
    ['user', 'alice', { recipientUser: 'Alice' }, true],
    ['user', 'alice', { senderAddress: 'alice@example.nl' }, false],
    ['ip', '::ffff:192.0.2.7', { senderIp: '192.0.2.7' }, true],
    ['ip', '192.0.2.7', { clientIp: '192.0.2.77' }, false],
    ['ip', '2001:DB8::1', { proxyIp: '2001:db8::1' }, true],
    ['host', 'MAIL.example.org', { originHostName: 'mail.example.org' }, true],
    ['host', 'example.org', { originHostName: 'mail.example.org' }, false],
    ['messageId', '<A@b>', { messageId: 'A@b' }, true],
    ['messageId', '<A@b>', { messageId: 'a@b' }, false],
    ['domain', 'example.nl', { recipientAddress: 'x@example.nl' }, true],
    ['domain', 'example.nl', { recipientAddress: 'x@sub.example.nl' }, false],
    ['domain', 'bücher.example', { senderAddress: 'x@xn--bcher-kva.example' }, true],
    ['prefix', '192.0.2.0/24', { senderIp: '192.0.2.255' }, true],
    ['prefix', '192.0.2.0/24', { senderIp: '192.0.3.0' }, false],
    ['prefix', '2001:db8::/64', { clientIp: '2001:db8::ffff' }, true],
    ['prefix', '2001:db8::/64', { clientIp: '192.0.2.1' }, false],
  ] as const)('%s %s on %j: %s', (kind, value, event, expected) => {
    expect(targetMatches(target(kind, value), event)).toBe(expected);
  });

  it('subaddresses only where the order says so', () => {
    const wide = target('address', 'alice@example.nl', true);
    expect(targetMatches(wide, { recipientAddress: 'alice+tag@example.nl' })).toBe(true);
    expect(targetMatches(wide, { recipientAddress: 'alice@example.nl' })).toBe(true);
    expect(targetMatches(wide, { recipientAddress: 'alice+tag@example.org' })).toBe(false);
    expect(targetMatches(wide, { recipientAddress: 'alicex+tag@example.nl' })).toBe(false);
    expect(parseTarget('user', 'alice', true).ok).toBe(false);
  });
});

describe('a request narrows an order and never widens it', () => {
  const order = (targets: Target[]): Order => {
    const checked = checkOrder(complete, now);
    if (!checked.ok) throw new Error('refused');
    return { ...checked.order, scope: { ...checked.order.scope, targets } };
  };

  it.each([
    [target('address', 'alice@example.nl'), target('address', 'ALICE@example.nl'), true],
    [target('address', 'alice@example.nl'), target('address', 'alice@example.nl', true), false],
    [target('address', 'alice@example.nl', true), target('address', 'alice+tag@example.nl'), true],
    [target('domain', 'example.nl'), target('address', 'bob@example.nl'), true],
    [target('domain', 'example.nl'), target('address', 'bob@sub.example.nl'), false],
    [target('prefix', '192.0.2.0/24'), target('ip', '192.0.2.9'), true],
    [target('prefix', '192.0.2.0/24'), target('ip', '192.0.3.9'), false],
    [target('prefix', '192.0.2.0/24'), target('prefix', '192.0.2.128/25'), true],
    [target('prefix', '192.0.2.128/25'), target('prefix', '192.0.2.0/24'), false],
    [target('messageId', '<a@b>'), target('messageId', '<A@b>'), false],
    [target('user', 'alice'), target('address', 'alice@example.nl'), false],
  ])('%j asked for %j: %s', (ordered, asked, ok) => {
    expect(narrowScope(order([ordered]), { targets: [asked] }).ok).toBe(ok);
  });

  const someTarget = fc.constantFrom(
    target('address', 'alice@example.nl'),
    target('address', 'alice@example.nl', true),
    target('address', 'alice+a@example.nl'),
    target('address', 'bob@example.nl'),
    target('domain', 'example.nl'),
    target('user', 'alice'),
    target('ip', '192.0.2.7'),
    target('prefix', '192.0.2.0/24'),
    target('prefix', '192.0.0.0/16'),
    target('host', 'mail.example.org'),
  );
  const someTime = fc
    .date({ min: new Date('2026-10-30'), max: new Date('2026-11-12'), noInvalidDate: true })
    .map((d) => d.toISOString());
  const someEvent = fc
    .record({
      occurredAt: someTime,
      recipientAddress: fc.constantFrom(
        'alice@example.nl',
        'Alice+a@example.nl',
        'bob@example.nl',
        'x@example.org',
      ),
      senderUser: fc.constantFrom('alice', 'bob', 'alice@example.nl'),
      senderIp: fc.constantFrom('192.0.2.7', '192.0.3.7', '2001:db8::1'),
    })
    .map((change) => testEvent(change));

  it('property: what a narrowed scope lets out, the order lets out', () => {
    fc.assert(
      fc.property(
        fc.array(someTarget, { minLength: 1, maxLength: 3 }),
        fc.array(someTarget, { minLength: 1, maxLength: 3 }),
        someTime,
        someTime,
        fc.array(someEvent, { minLength: 1, maxLength: 10 }),
        (ordered, asked, from, to, events) => {
          const wide = order(ordered);
          const narrowed = narrowScope(wide, { targets: asked, from, to });
          if (!narrowed.ok) return;
          const full = { ...wide.scope, collectedUpTo: wide.receivedAt };
          for (const event of events) {
            if (eventInScope(event, narrowed.scope)) expect(eventInScope(event, full)).toBe(true);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
