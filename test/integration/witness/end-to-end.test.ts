import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serviceExitCodes } from '#shared/runtime';
import { isBuilt, startGriffie } from '../../support/griffie-process.ts';
import { freePorts } from '../../support/mail-servers/ports.ts';
import { type Ran, run } from '../../unit/cli/support.ts';
import { startWitnessProcess, type WitnessProcess } from './process.ts';
import { temporaryFolder } from './support.ts';

const skipped = isBuilt ? '' : ' (skipped: the project is not built)';

describe.skipIf(!isBuilt)(
  `a service, its witnesses and an auditor, each a process of its own${skipped}`,
  () => {
    let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
    let service: ReturnType<typeof startGriffie>;
    let url: string;
    let witnesses: WitnessProcess[] = [];
    const at = (name: string) => join(temporary.path, name);
    const pins = async () =>
      JSON.parse(await readFile(at('pins.json'), 'utf8')) as { readonly ledgerKey: string };

    const startService = async () => {
      service = startGriffie(['start', '--config', at('config.json')]);
      await service.says('Griffie is listening');
    };
    /** A copy of the ledger folder, as an auditor takes it along. */
    const copyLedger = async (name: string): Promise<string> => {
      await cp(at('data/ledger'), at(name), { recursive: true, filter: (path) => !path.endsWith('/lock') });
      return at(name);
    };
    const demands = () => witnesses.flatMap(({ verifier }) => ['--witness', verifier.vkey]);
    const verify = (ledger: string, ...args: readonly string[]): Promise<Ran> =>
      run(['audit', 'verify', ledger, '--keys', at('pins.json'), '--json', ...args]);

    beforeAll(async () => {
      temporary = await temporaryFolder();
      await mkdir(at('data'));
      const [port = 0] = await freePorts(1);
      url = `http://127.0.0.1:${port}`;
      const config = { dataFolder: at('data'), listen: `127.0.0.1:${port}` };
      await writeFile(at('config.json'), JSON.stringify(config));
      // Once without witnesses: their operators must have the ledger's key first.
      await startService();
      await run(['service', 'keys', '--url', url, '--out', at('pins.json')]);
      await service.end('SIGTERM');
      await writeFile(at('logs.txt'), `${(await pins()).ledgerKey}\n`);
      witnesses = await Promise.all(
        ['w1', 'w2'].map((name) =>
          startWitnessProcess({ folder: at(name), name: `witness.example/${name}`, logs: at('logs.txt') }),
        ),
      );
      const lines = witnesses.map(
        ({ verifier, url: prefix }, i) => `witness w${i} ${verifier.vkey} ${prefix}`,
      );
      await writeFile(at('policy'), `${lines.join('\n')}\ngroup both all w0 w1\nquorum both\n`);
      await writeFile(at('config.json'), JSON.stringify({ ...config, witnessPolicyFile: at('policy') }));
      await startService();
    }, 300_000);
    afterAll(async () => {
      await service.end('SIGTERM');
      for (const witness of witnesses) await witness.end('SIGTERM');
      await temporary.remove();
    });

    it('the service serves its checkpoint with the cosignatures of both', async () => {
      let note = '';
      for (const until = Date.now() + 90_000; Date.now() < until; await sleep(100)) {
        const answer = await fetch(`${url}/ledger/witnessed`);
        if (answer.status !== 200) continue;
        note = await answer.text();
        break;
      }
      expect(note.match(/^— witness\.example\/w[12] /gmu)).toHaveLength(2);
      expect(await (await fetch(`${url}/ledger/checkpoint`)).text()).toBe(note);
      const metrics = await (await fetch(`${witnesses[0]?.healthUrl}/metrics`)).text();
      expect(metrics).toMatch(/^griffie_witness_cosigned_total [1-9]/m);
    });

    it('the auditor verifies them in a copy of the ledger, and says how far they reach', async () => {
      const ran = await verify(await copyLedger('copy'), ...demands());
      expect(ran.stderr).toBe('');
      expect(ran.exitCode).toBe(0);
      const { size } = ran.json() as { readonly size: number };
      expect(ran.json().witnessed).toMatchObject({ size, isStale: false, by: [{}, {}] });
      const text = await run([
        ...['audit', 'verify', at('copy'), '--keys', at('pins.json'), ...demands(), '--quorum', '1'],
      ]);
      expect(text.stdout).toMatch(/the cosignature of witness\.example\/w1, of \d{4}-/);
    });

    it('a cosignature of more than a day ago is exit code 4: it does not show that nothing was held back', async () => {
      const args = ['audit', 'verify', at('copy'), '--keys', at('pins.json'), '--json', ...demands()];
      const ran = await run(args, { now: () => Date.now() + 25 * 3_600_000 });
      expect(ran.exitCode).toBe(4);
      expect(ran.json()).toMatchObject({ verified: true, complete: false, witnessed: { isStale: true } });
    });

    it('a quorum that nobody could meet is wrong use; one witness too few is found', async () => {
      expect((await verify(at('copy'), ...demands(), '--quorum', '3')).exitCode).toBe(2);
      const note = await readFile(join(at('copy'), 'witnessed'), 'utf8');
      await writeFile(join(at('copy'), 'witnessed'), note.replace(/— witness\.example\/w2 .*\n/u, ''));
      const all = await verify(at('copy'), ...demands());
      expect(all.exitCode).toBe(1);
      expect(all.error().problems?.map(({ rule }) => rule)).toEqual(['witness.missing']);
      expect((await verify(at('copy'), ...demands(), '--quorum', '1')).exitCode).toBe(0);
      // The same key twice is one witness.
      const [first = '', key = ''] = demands();
      expect((await verify(at('copy'), first, key, first, key, '--quorum', '2')).exitCode).toBe(2);
    });

    it('a witness that is told to stop ends in good order, and one that cannot start says why', async () => {
      const [first] = witnesses;
      expect(await first?.end('SIGTERM')).toBe(serviceExitCodes.stopped);
      const again = startGriffie([
        'witness',
        '--folder',
        at('w1'),
        '--name',
        'other',
        '--logs',
        at('nowhere'),
      ]);
      expect(await again.end('SIGCONT')).toBe(2);
      expect(again.output()).toContain('WITNESS_LOGS_FILE: names a file that cannot be read (ENOENT)');
    });
  },
);
