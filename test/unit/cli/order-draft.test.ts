import { afterAll, describe, expect, it } from 'vitest';
import { shippedRegimes } from '#shared/regimes';
import { makeFolder, run } from './support.ts';

const regimeIds = [...shippedRegimes().keys()];
const regimeOf = (id: string) => {
  const found = shippedRegimes().get(id);
  if (!found) throw new Error(id);
  return found;
};
const folder = makeFolder();
afterAll(() => folder.remove());
const now = () => Date.parse('2026-11-22T12:00:00Z');

/** What a registrar writes into the blanks. */
const filled = {
  legalBasis: 'Article 5',
  issuingState: 'NL',
  issuer: { authority: 'Parket Amsterdam', role: 'public_prosecutor', fileReference: '13/1' },
  validatedBy: { name: 'Rechter-commissaris', role: 'examining_judge' },
  addressee: 'Example Mail',
  offence: { provisions: 'Sr 138ab', threshold: 'three years' },
  recipients: [
    { name: 'Parket', encryptionKey: 'age1zr6u5v3v8a4545spucem5765pwq2nujwyn2vlf7326qj57duqp2qqmq79q' },
  ],
  issuedAt: '2026-11-19T12:00:00Z',
  receivedAt: '2026-11-20T08:00:00+01:00',
  validUntil: '2026-12-20T00:00:00Z',
};

async function template(regime: string): Promise<Record<string, unknown>> {
  return (await run(['order', 'template', '--regime', regime])).json();
}

/** The template with its blanks filled in; a member that the template has not is not added. */
function fill(draft: Record<string, unknown>): Record<string, unknown> {
  const known = Object.entries(filled).filter(([name]) => Object.hasOwn(draft, name));
  const scope = {
    targets: [{ kind: 'address', value: 'alice@example.nl' }],
    from: '2026-11-01T00:00:00Z',
    to: '2026-11-20T00:00:00Z',
    categories: ['sender', 'recipient'],
  };
  return { ...draft, ...Object.fromEntries(known), scope };
}

const check = (draft: unknown) =>
  run(['order', 'check', folder.write('order.json', draft), '--json'], { now });

describe('griffie order template', () => {
  it.each(regimeIds)('of %s is accepted once its blanks are filled in', async (regime) => {
    const ran = await check(fill(await template(regime)));
    expect(ran.stderr).toBe('');
    expect(ran.json()).toMatchObject({ ok: true, regime, regimeVersion: regimeOf(regime).version });
  });

  it.each(regimeIds)('of %s has every member that the regime asks for', async (regime) => {
    const draft = await template(regime);
    const named = (path: string) => path.split('.').reduce<unknown>((at, name) => Object(at)[name], draft);
    for (const { path } of regimeOf(regime).required) expect(named(path), path).toBeDefined();
  });

  it.each(regimeIds)('of %s is refused as it is, each blank named', async (regime) => {
    const ran = await check(await template(regime));
    expect(ran.exitCode).toBe(1);
    const { code, problems = [] } = ran.error();
    expect(code).toBe('order.invalid');
    const paths = problems.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['legalBasis', 'issuer.role', 'scope.from', 'validUntil']));
    expect(paths).toContain('scope.targets.0.value');
  });
});

describe('griffie order grounds', () => {
  it.each(regimeIds)('of %s are listed, each with its source', async (regime) => {
    const { stdout } = await run(['order', 'grounds', '--regime', regime]);
    for (const { id } of regimeOf(regime).grounds) expect(stdout).toMatch(new RegExp(`^${id} .*  `, 'm'));
    expect(stdout.split('\n').length).toBe(regimeOf(regime).grounds.length + 2);
  });

  it('and those of another country, from its file', async () => {
    const args = ['order', 'grounds', '--regime', 'XX_EXAMPLE'];
    const folderArgs = ['--regimes', 'test/fixtures/regimes'];
    expect((await run([...args, ...folderArgs])).stdout).toContain('xx.unclear  clarify, refuse  stops');
    expect(await run([...args, '--json'])).toMatchObject({ exitCode: 2 });
    const made = await run(['order', 'template', '--regime', 'XX_EXAMPLE', ...folderArgs]);
    expect(made.json()).toMatchObject({ regime: 'XX_EXAMPLE', issuingState: 'XX' });
  });
});

describe('griffie order check', () => {
  it.each(
    regimeIds.flatMap((regime) => regimeOf(regime).required.map((rule) => [regime, rule.path, rule.id])),
  )('%s without %s names the member and the rule %s', async (regime, path, rule) => {
    const draft = fill(await template(regime));
    const [name = '', inner] = path.split('.');
    if (inner === undefined) delete draft[name];
    else draft[name] = { ...Object(draft[name]), [inner]: undefined };
    const ran = await check(draft);
    expect(ran.exitCode).toBe(1);
    expect(ran.error().problems).toEqual([expect.objectContaining({ path, rule, kind: 'missing' })]);
  });

  it('names what is malformed and what is missing in one look', async () => {
    const draft = fill(await template('NL_DOMESTIC'));
    const { addressee: _, ...rest } = draft;
    const ran = await check({ ...rest, issuingState: 'Nederland', colour: 'red', receivedAt: 'yesterday' });
    const paths = (ran.error().problems ?? []).map(({ path }) => path).sort();
    expect(paths).toEqual(['addressee', 'colour', 'issuingState', 'receivedAt']);
  });

  it('shows people the rule and where it stands', async () => {
    const { validatedBy: _, ...draft } = fill(await template('NL_DOMESTIC'));
    const ran = await run(['order', 'check', folder.write('order.json', draft)], { now });
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toContain('  validatedBy is missing [nl.prior_authorisation; Sv 126n');
  });

  it.each([
    ['a list', '[]'],
    ['a number', '7'],
    ['nothing', '{}'],
  ])('refuses %s without falling over', async (_, text) => {
    const ran = await run(['order', 'check', folder.write('order.json', text), '--json'], { now });
    expect(ran.exitCode).toBe(1);
    expect(ran.error().code).toBe('order.invalid');
  });

  it('is exit code 2 for a file that is no JSON', async () => {
    const ran = await run(['order', 'check', folder.write('order.json', 'order:'), '--json']);
    expect({ exitCode: ran.exitCode, code: ran.error().code }).toEqual({
      exitCode: 2,
      code: 'file.malformed',
    });
  });
});
