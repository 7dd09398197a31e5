import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Correlator, LineResult, LogRecord } from '../../../../services/collector/adapter.ts';
import { postfixAdapter } from '../../../../services/collector/postfix/index.ts';
import { recordsOf } from './support.ts';

const ids = ['4F0C117A3F5', '4F0C117A3F6', '5B0C117A3F5', '4Xh7tQ2Qc9z5vNx'];
const tags = ['postfix', 'postfix-out'];
const delays = 'delay=1, delays=0/0/0/1';

const idArb = fc.constantFrom(...ids);
/** Lines that begin, change, link and end messages and connections, in any order. */
const lineArb = fc.oneof(
  fc.tuple(idArb, fc.nat(9)).map(([id, n]) => `smtpd[1${n}]: ${id}: client=c${n}.example[192.0.2.${n}]`),
  idArb.map((id) => `smtpd[10]: ${id}: client=x[192.0.2.1], sasl_method=PLAIN, sasl_username=é"\\ ${id}`),
  fc
    .tuple(idArb, idArb)
    .map(
      ([id, from]) =>
        `smtpd[10]: ${id}: client=localhost[127.0.0.1], orig_queue_id=${from}, orig_client=y[IPv6:2001:db8::1]`,
    ),
  fc.tuple(idArb, idArb).map(([id, from]) => `pickup[2]: ${id}: uid=5 from=<a> orig_id=${from}`),
  fc.tuple(idArb, fc.nat(2)).map(([id, n]) => `cleanup[3]: ${id}: message-id=<m${n}@example.com>`),
  fc
    .tuple(idArb, fc.nat(2))
    .map(
      ([id, n]) =>
        `qmgr[4]: ${id}: from=<${n === 0 ? '' : `s${n}@example.com`}>, size=${n}, nrcpt=1 (queue active)`,
    ),
  fc
    .tuple(idArb, idArb)
    .map(
      ([id, next]) =>
        `smtp[15]: ${id}: to=<r@d.example>, relay=m[192.0.2.9]:25, ${delays}, dsn=2.0.0, status=sent (250 Ok: queued as ${next})`,
    ),
  fc
    .tuple(idArb, idArb)
    .map(
      ([id, next]) =>
        `local[6]: ${id}: to=<r>, relay=local, ${delays}, dsn=2.0.0, status=sent (forwarded as ${next})`,
    ),
  fc.tuple(idArb, idArb).map(([id, next]) => `bounce[7]: ${id}: sender non-delivery notification: ${next}`),
  idArb.map(
    (id) =>
      `cleanup[3]: ${id}: milter-reject: END-OF-MESSAGE from a[192.0.2.1]: 5.7.1 x; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<x>`,
  ),
  idArb.map((id) => `qmgr[4]: ${id}: removed`),
  fc
    .nat(9)
    .map(
      (n) => `smtpd[1${n}]: Anonymous TLS connection established from c${n}.example[192.0.2.${n}]: TLSv1.3`,
    ),
  fc.constant('smtp[15]: Trusted TLS connection established to m[192.0.2.9]:25: TLSv1.3'),
  fc.nat(9).map((n) => `smtpd[1${n}]: disconnect from c${n}.example[192.0.2.${n}]`),
);

const logArb = fc
  .array(
    fc.tuple(
      lineArb,
      fc.constantFrom(...tags),
      fc.constantFrom('mx1', 'mx2'),
      fc.integer({ min: 1, max: 200_000 }),
    ),
    {
      minLength: 1,
      maxLength: 60,
    },
  )
  .map((lines) => {
    let ms = Date.UTC(2026, 5, 1);
    const log = lines.map(([line, tag, host, seconds]) => {
      // Mostly seconds apart; now and then days, so that lives are given up.
      ms += seconds > 150_000 ? seconds * 3_000 : (seconds % 60) * 1_000;
      return `${new Date(ms).toISOString()} ${host} ${tag}/${line}`;
    });
    return recordsOf(log.join('\n'));
  });

function run(
  records: readonly LogRecord[],
  cuts: ReadonlySet<number>,
  takes: ReadonlySet<number>,
  maxOpen: number,
) {
  const checkpoint = new Map<string, string>();
  let correlator: Correlator = postfixAdapter.createCorrelator([], { maxOpen });
  const take = () => {
    for (const [key, value] of correlator.takeChanges()) {
      if (value === null) checkpoint.delete(key);
      else checkpoint.set(key, value);
    }
  };
  const results: LineResult[] = [];
  for (const [index, record] of records.entries()) {
    if (cuts.has(index) || takes.has(index)) take();
    if (cuts.has(index)) {
      // A checkpoint may hand its entries back in any order.
      const entries = [...checkpoint].sort(([a], [b]) => (a < b ? 1 : -1));
      correlator = postfixAdapter.createCorrelator(entries, { maxOpen });
      expect(correlator.openCount).toBe([...checkpoint.keys()].filter((key) => key.startsWith('q')).length);
    }
    results.push(correlator.process(record));
  }
  take();
  return { results, checkpoint: new Map([...checkpoint].sort()) };
}

describe('a restart at any line', () => {
  it('gives the same events as none, whenever checkpoints were taken', () => {
    const indexes = fc.uniqueArray(fc.nat(60), { maxLength: 8 }).map((list) => new Set(list));
    fc.assert(
      fc.property(logArb, indexes, indexes, fc.constantFrom(3, 1_000), (records, cuts, takes, maxOpen) => {
        const whole = run(records, new Set(), new Set(), maxOpen);
        const cut = run(records, cuts, takes, maxOpen);
        expect(cut.results).toEqual(whole.results);
        expect(withoutOrder(cut.checkpoint)).toEqual(withoutOrder(whole.checkpoint));
      }),
      { numRuns: 400 },
    );
  });

  it('refuses a state that is not its own', () => {
    expect(() => postfixAdapter.createCorrelator([['q4F0C117A3F5 mx1', 'x']])).toThrow(SyntaxError);
    expect(() => postfixAdapter.createCorrelator([['t10 mx1', '{}']])).toThrow(SyntaxError);
  });
});

/** The number of a connection's beginning counts on from what is open, and need not be equal. */
function withoutOrder(checkpoint: ReadonlyMap<string, string>): [string, string][] {
  return [...checkpoint].map(([key, value]) => [
    key,
    key.startsWith('t') ? value.replace(/^\[\d+/, '[') : value,
  ]);
}

describe('state', () => {
  it('is not written for a message that comes and goes between two checkpoints', () => {
    const correlator = postfixAdapter.createCorrelator([]);
    correlator.takeChanges();
    for (const record of recordsOf(`
      postfix/smtpd[10]: 4F0C117A3F5: client=a.example[192.0.2.1]
      postfix/qmgr[12]: 4F0C117A3F5: removed`))
      correlator.process(record);
    expect([...correlator.takeChanges().keys()].filter((key) => key.startsWith('q'))).toEqual([]);
  });

  it('is told to be deleted once, when the message ends', () => {
    const correlator = postfixAdapter.createCorrelator([]);
    const [begin, end] = recordsOf(`
      postfix/smtpd[10]: 4F0C117A3F5: client=a.example[192.0.2.1]
      postfix/qmgr[12]: 4F0C117A3F5: removed`);
    if (begin === undefined || end === undefined) throw new Error('unreachable');
    correlator.process(begin);
    expect(correlator.takeChanges().get('q4F0C117A3F5 mx1')).toEqual(expect.any(String));
    correlator.process(end);
    expect([...correlator.takeChanges()]).toEqual([['q4F0C117A3F5 mx1', null]]);
    expect(correlator.takeChanges().size).toBe(0);
  });

  it('never throws on any message, and its events are always valid', async () => {
    const { expectValid } = await import('./support.ts');
    const correlator = postfixAdapter.createCorrelator([]);
    const fragment = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'to=<',
        '>, ',
        'relay=',
        'status=sent (',
        ' from ',
        'reject: RCPT',
        '[1.2.3.4]',
        ': ',
        '; from=<',
        '"',
        'client=',
        'message-id=',
        ', orig_client=',
        'uid=1',
        ' proto=SMTP',
        'x@y.example',
        '4F0C117A3F5: ',
        'NOQUEUE: ',
      ),
    );
    const daemon = fc.constantFrom(
      'smtpd',
      'cleanup',
      'qmgr',
      'smtp',
      'pickup',
      'bounce',
      'local',
      'postscreen',
    );
    fc.assert(
      fc.property(daemon, fc.array(fragment, { maxLength: 12 }), (program, parts) => {
        const result = correlator.process({
          timeMs: Date.UTC(2026, 1, 1),
          host: 'mx1',
          program: `postfix/${program}`,
          pid: '1',
          message: `4F0C117A3F5: ${parts.join('')}`,
        });
        if (result.kind === 'understood') for (const event of result.events) expectValid(event);
      }),
      { numRuns: 3_000 },
    );
  });
});
