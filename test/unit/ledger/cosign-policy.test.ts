import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCosigner, createNoteSigner, generateNoteKey, parsePolicy } from '#shared/ledger';

const log = createNoteSigner('log.example/griffie', generateNoteKey()).verifier;
const cosigners = ['x1', 'x2', 'x3', 'y1', 'y2'].map(
  (name) => createCosigner(`witness.example/${name}`, generateNoteKey()).verifier,
);
const [x1, x2, x3, y1] = cosigners;
const keys = cosigners.map(({ vkey }, i) => `witness ${'XXXYY'[i]}${(i % 3) + 1} ${vkey}`);
const example = `
# two organisations
log ${log.vkey} https://log.example/griffie
${keys.join('\n')}
group X-witnesses 2 X1 X2 X3
\tgroup   Y-witnesses any Y1 Y2
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`;

const policyOf = (text: string) => {
  const outcome = parsePolicy(text);
  if (!outcome.ok) throw new Error(`line ${outcome.line}: ${outcome.reason}`);
  return outcome.policy;
};
const of = (...verifiers: (typeof x1)[]) => verifiers.filter((verifier) => verifier !== undefined);

describe('a policy of witnesses', () => {
  it('of two groups is met by enough of each, and by nobody twice', () => {
    const { isMet, logs, witnesses } = policyOf(example);
    expect(logs.map(({ vkey }) => vkey)).toEqual([log.vkey]);
    expect(witnesses).toHaveLength(5);
    expect(isMet(of(x1, x2, y1))).toBe(true);
    expect(isMet(of(x1, x2, x3))).toBe(false);
    expect(isMet(of(x1, x1, y1))).toBe(false);
    expect(isMet([])).toBe(false);
  });

  it('of n of m is met by exactly the sets of n and more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.subarray(cosigners), (n, given) => {
        const names = keys.map((line) => line.split(' ')[1]).join(' ');
        const { isMet } = policyOf(`${keys.join('\n')}\ngroup all-of-them ${n} ${names}\nquorum all-of-them`);
        expect(isMet(given)).toBe(given.length >= n);
      }),
    );
  });

  it('knows one key under two names, whatever characters the key is written with', () => {
    for (let i = 0; i < 100; i++) {
      const pem = generateNoteKey();
      const [a, b] = ['a.example', 'b.example'].map((name) => createCosigner(name, pem).verifier.vkey);
      expect(parsePolicy(`witness a ${a}\nquorum a`).ok).toBe(true);
      expect(parsePolicy(`witness a ${a}\nwitness b ${b}\nquorum a`)).toMatchObject({ ok: false, line: 2 });
    }
  });

  it('may need one witness, or none', () => {
    expect(policyOf(`${keys[0]}\nquorum X1`).isMet(of(x1))).toBe(true);
    expect(policyOf(`${keys[0]}\nquorum X1`).isMet(of(x2))).toBe(false);
    expect(policyOf('quorum none').isMet([])).toBe(true);
  });

  it.each([
    ['without a quorum', keys[0] ?? '', 0],
    ['with two', `quorum none\nquorum none`, 2],
    ['with a quorum that is not there', 'quorum X1', 1],
    ['with a group of what comes later', `group g any X1\n${keys[0]}\nquorum g`, 1],
    ['with a threshold that is too high', `${keys[0]}\ngroup g 2 X1\nquorum g`, 2],
    ['with a threshold of zero', `${keys[0]}\ngroup g 0 X1\nquorum g`, 2],
    ['with a member twice', `${keys[0]}\ngroup g 2 X1 X1\nquorum g`, 2],
    ['with a member of two groups', `${keys[0]}\ngroup g any X1\ngroup h any X1\nquorum g`, 3],
    ['with one key under two names', `${keys[0]}\n${keys[0]?.replace('X1', 'X9')}\nquorum none`, 2],
    ['with one name for two', `${keys[0]}\n${keys[1]?.replace('X2', 'X1')}\nquorum none`, 2],
    ['with a log’s key for a witness', `witness X1 ${log.vkey}\nquorum X1`, 1],
    ['with a witness’s key for a log', `log ${x1?.vkey}\nquorum none`, 1],
    ['with a witness named none', `witness none ${x1?.vkey}\nquorum none`, 1],
    ['with an unknown word', 'toString\nquorum none', 1],
    ['with a URL that is none', `${keys[0]} javascript:x\nquorum none`, 1],
    ['with a control character', 'quorum none\u0007', 0],
  ])('%s is refused, and where is told', (_, text, line) => {
    expect(parsePolicy(text)).toMatchObject({ ok: false, line });
  });
});
