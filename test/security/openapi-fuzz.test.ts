import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describedApi } from '../support/described-api.ts';
import { freePort } from '../support/free-port.ts';
import { type Population, populate } from '../support/fuzz-population.ts';
import { type GriffieProcess, isBuilt, runGriffie, startGriffie } from '../support/griffie-process.ts';
import { describeWhereThere } from '../support/needed.ts';
import { makeAdministrators } from '../support/people-over-http.ts';
import { schemathesisAvailable } from '../support/schemathesis/available.ts';
import { runSchemathesis } from '../support/schemathesis/run.ts';
import { type SigningProxy, startSigningProxy } from '../support/signing-proxy.ts';

/*
 * Requests that Schemathesis makes from the OpenAPI description, sent to the real program: signed as they are by
 * enrolled people of each role, a share of them not or wrongly. As many as 40 seconds make, some hundreds at least.
 * The full run is ROUNDS=50000: at least so many, with the edges of each schema for SEED=1 (the default),
 * and others for others.
 */
const rounds = Number(process.env.ROUNDS ?? 0);
const firstSeed = Number(process.env.SEED ?? 1);
const quick = { edges: false, examples: 8, seconds: 40 };
/** A run in which fewer were answered, or fewer kinds of them granted, has met nothing. */
const fewest = { requests: 50, granted: 5 };

const target = 'fuzzed-target@example.nl';
const planted = ['planted-partner@example.org', '198.51.100.213'];
const log = [
  'postfix/smtpd[1]: connect from client.example.org[198.51.100.213]',
  'postfix/smtpd[1]: 4Z000000001z: client=client.example.org[198.51.100.213]',
  'postfix/qmgr[3]: 4Z000000001z: from=<planted-partner@example.org>, size=1000, nrcpt=1 (queue active)',
  `postfix/smtp[4]: 4Z000000001z: to=<${target}>, relay=mx.example.nl[192.0.2.4]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)`,
  'postfix/qmgr[3]: 4Z000000001z: removed',
];

const available = schemathesisAvailable();
const lack = !isBuilt ? 'npm run build was not run' : available.ok ? null : available.reason;

describeWhereThere('requests made from the OpenAPI description', lack, () => {
  let folder: string;
  let service: string;
  let griffie: GriffieProcess;
  let people: Population;
  let ledgerKey: string;
  let proxy: SigningProxy;
  const at = (...names: string[]): string => join(folder, ...names);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-fuzz-'));
    const port = await freePort();
    service = `http://127.0.0.1:${port}`;
    const time = new Date(Date.now() - 60_000).toISOString();
    await writeFile(at('postfix.log'), log.map((line) => `${time} mx1 ${line}\n`).join(''));
    const administrators = await makeAdministrators(service, at('data', 'keys'));
    const source = ['--source', at('postfix.log')];
    griffie = startGriffie(['start', '--data', at('data'), ...source, '--listen', `127.0.0.1:${port}`]);
    await griffie.says('Griffie is listening');
    people = await populate(service, administrators, target);
    await writeFile(at('seeds.json'), JSON.stringify(people));
    ({ ledgerKey } = (await (await fetch(`${service}/v1/service`)).json()) as { ledgerKey: string });
    const description = await (await fetch(`${service}/openapi.json`)).json();
    const { signers } = people;
    proxy = await startSigningProxy({ service, signers, operationOf: describedApi(description), planted });
  });
  afterAll(async () => {
    await proxy?.close();
    await griffie?.end('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  it('are answered as it says, by no fault, and with no record', async ({ annotate }) => {
    if (!available.ok) throw new Error(available.reason);
    const { python } = available;
    const { url } = proxy;
    for (let seed = firstSeed; seed === firstSeed || proxy.requests() < rounds; seed++) {
      const how = rounds > 0 ? { edges: seed === 1, examples: 100 } : quick;
      const { code, report } = await runSchemathesis({
        ...how,
        seed,
        python,
        url,
        folder,
        seedFile: at('seeds.json'),
      });
      expect(proxy.findings).toEqual([]);
      expect(code, report).toBe(0);
    }
    expect(proxy.requests()).toBeGreaterThanOrEqual(Math.max(rounds, fewest.requests));
    // Not only at the door.
    const granted = [...proxy.counts.keys()].filter((name) => name.startsWith('granted '));
    expect(granted.length).toBeGreaterThanOrEqual(fewest.granted);
    await annotate(JSON.stringify([proxy.requests(), Object.fromEntries(proxy.counts)]));
  }, 3_600_000);

  it('and every decision follows from the ledger, with the case files', async () => {
    expect(await griffie.end('SIGTERM')).toBe(0);
    const files = [
      '--cases',
      at('data', 'cases'),
      '--case-master',
      at('data', 'keys', 'case-master-keys.txt'),
    ];
    const args = ['audit', 'verify', at('data', 'ledger'), '--key', ledgerKey, ...files, '--json'];
    const { code, stdout } = await runGriffie(args);
    const { verified, problems, notChecked, counts } = JSON.parse(stdout);
    expect({ verified, problems }).toEqual({ verified: true, problems: [] });
    // What stands outside the ledger: the form of a refused body, the spelling of an accepted one, an erased case.
    const known = ['outside', 'body', 'no_request', 'case_file_erased'];
    expect(notChecked.filter(({ what }: { what: string }) => !known.includes(what))).toEqual([]);
    expect([0, 4]).toContain(code);
    expect(counts['disclosure.released']).toBeGreaterThan(0);
  }, 300_000);
});
