import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkOrder, createRegimes, orderDraftSchema } from '#shared/orders';
import { loadRegimes, RegimeFileError, shippedRegimes } from '#shared/regimes';
import { packageRoot } from '#shared/runtime';

const example = join(packageRoot, 'test/fixtures/regimes');
const exampleText = readFileSync(join(example, 'XX_EXAMPLE.json'), 'utf8');
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A folder with one regime's file: the example's, changed. */
function folderWith(name: string, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'griffie-regimes-'));
  folders.push(folder);
  writeFileSync(join(folder, name), content);
  return folder;
}
const changed = (change: object): string => JSON.stringify({ ...JSON.parse(exampleText), ...change });

const draft = orderDraftSchema.parse({
  regime: 'XX_EXAMPLE',
  type: 'produce',
  legalBasis: 'Example Code, section 8',
  dataCategory: 'traffic',
  issuingState: 'XX',
  issuer: { authority: 'Court of Example', role: 'court', fileReference: '1', contact: 'registry' },
  addressee: 'Example Mail',
  scope: {
    targets: [{ kind: 'address', value: 'alice@example.nl' }],
    from: '2026-11-01T00:00:00Z',
    to: '2026-11-10T00:00:00Z',
    categories: ['sender'],
  },
  recipients: [{ name: 'Court', encryptionKey: `age1${'q'.repeat(58)}` }],
  issuedAt: '2026-11-19T00:00:00Z',
  receivedAt: '2026-11-20T08:00:00Z',
  validUntil: '2026-12-01T00:00:00Z',
});
const now = '2026-11-20T09:00:00.000Z';

describe('the regimes that are shipped', () => {
  const files = readdirSync(join(packageRoot, 'regimes'));

  it('are all loaded, each under the name of its file', () => {
    expect([...shippedRegimes().keys()].map((id) => `${id}.json`).sort()).toEqual(files.sort());
    expect(files.length).toBeGreaterThanOrEqual(3);
  });

  it.each(files)('%s: each rule has an id of its own and says where it stands', (file) => {
    const regime = shippedRegimes().get(file.replace('.json', ''));
    if (!regime) throw new Error(file);
    const { required, grounds, refusedLegalBases, emergencyFollowUps, issuerRule } = regime;
    const rules = [...required, ...grounds, ...refusedLegalBases, ...emergencyFollowUps, issuerRule];
    for (const { id, source } of rules) expect([id, source.length > 8]).toEqual([id, true]);
    const ids = [...grounds, ...refusedLegalBases, ...emergencyFollowUps].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    // Who asks stops the clock only where the law says so; who refuses needs no clock.
    for (const { uses, stopsClock } of grounds) if (stopsClock) expect(uses).toContain('clarify');
  });
});

describe("another country's regime is a data file", () => {
  const regimes = loadRegimes(example);

  it('by whose rules orders are then judged', () => {
    expect([...regimes.keys()]).toEqual(['EU_EPOC', 'EU_EPOC_PR', 'NL_DOMESTIC', 'XX_EXAMPLE']);
    const checked = checkOrder({ ...draft, emergency: { reasons: 'threat to life' } }, now, regimes);
    expect(checked).toMatchObject({
      ok: true,
      order: {
        regimeVersion: '2026-11-28',
        schedule: {
          deadline: { at: '2026-11-21T08:00:00.000Z', alarmAt: '2026-11-21T02:00:00.000Z' },
          followUps: [{ id: 'xx.court_confirms', by: '2026-11-22T08:00:00.000Z' }],
        },
      },
    });
    expect(checkOrder(draft, now, shippedRegimes())).toMatchObject({
      ok: false,
      problems: [{ path: 'regime' }],
    });
  });

  it.each([
    ['issuer.contact is missing', { issuer: { ...draft.issuer, contact: undefined } }, 'xx.contact'],
    ['another issuer', { issuer: { ...draft.issuer, role: 'judge' as const } }, 'xx.issuer'],
    ['a legal basis that is refused', { legalBasis: 'example code, Section  9' }, 'xx.section_9'],
    ['a notification that it does not know', { notification: { required: true } }, 'order.notification'],
  ])('%s', (_name, change, rule) => {
    const checked = checkOrder({ ...draft, ...change }, now, regimes);
    if (checked.ok) throw new Error('was accepted');
    expect(checked.problems).toHaveLength(1);
    expect(checked.problems[0]).toMatchObject({ rule });
  });

  it.each([
    ['an unknown member', changed({ more: 1 })],
    [
      'a path that no order has',
      changed({ required: [{ path: 'issuer.shoes', id: 'xx.a', source: 'somewhere' }] }),
    ],
    [
      'a path into a list',
      changed({ required: [{ path: 'scope.targets.0', id: 'xx.a', source: 'somewhere' }] }),
    ],
    ['a role that there is not', changed({ issuers: ['police'] })],
    [
      'a pattern that is none',
      changed({ refusedLegalBases: [{ id: 'xx.a', source: 'somewhere', pattern: '(' }] }),
    ],
    [
      'a period that is none',
      changed({ emergencyFollowUps: [{ id: 'xx.a', source: 'somewhere', within: 'P1M' }] }),
    ],
    [
      'the same ground twice',
      changed({ grounds: [0, 1].map(() => ({ id: 'xx.a', source: 'somewhere', uses: ['refuse'] })) }),
    ],
    ['another id than its name', changed({ id: 'XX_OTHER' })],
    ['no version', changed({ version: 'new' })],
    ['no JSON', '{'],
    ['a member twice', '{"id":"XX_EXAMPLE","id":"XX_EXAMPLE"}'],
    ['more than it may have', ' '.repeat(200_000)],
  ])('is refused at the start with %s', (_name, content) => {
    expect(() => loadRegimes(folderWith('XX_EXAMPLE.json', content))).toThrow(RegimeFileError);
  });

  it('does not take the place of one that is shipped', () => {
    const content = readFileSync(join(packageRoot, 'regimes/NL_DOMESTIC.json'), 'utf8');
    expect(() => loadRegimes(folderWith('NL_DOMESTIC.json', content))).toThrow(
      /a shipped regime has this name/,
    );
    expect(() => loadRegimes(join(example, 'absent'))).toThrow(RegimeFileError);
  });

  it('names the member that is wrong', () => {
    const made = createRegimes(new Map([['XX_EXAMPLE', JSON.parse(changed({ issuers: ['police'] }))]]));
    expect(made).toMatchObject({
      ok: false,
      file: 'XX_EXAMPLE',
      problem: expect.stringContaining('issuers[0]'),
    });
  });
});
