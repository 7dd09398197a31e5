import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWitnessing, readWitnessPolicy, type Witnessing } from '#services/disclosure';
import {
  createLedger,
  createNoteSigner,
  generateNoteKey,
  type Ledger,
  openCheckpoint,
  parsePolicy,
} from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';
import type { Logger, LogMembers } from '#shared/runtime';
import { entriesOf } from '../../support/ledger-entries.ts';
import { createTestClock } from '../../support/test-clock.ts';
import { type RunningWitness, startWitness, temporaryFolder } from './support.ts';

const signer = createNoteSigner('log.example/griffie', generateNoteKey());
const logs = [signer.verifier];

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let closing: (() => Promise<unknown>)[] = [];
const logged: LogMembers[] = [];
const logger: Logger = {
  info: () => {},
  warn: (members) => void logged.push(members),
  error: (members) => void logged.push(members),
};
const codes = () => logged.map(({ code }) => code);

beforeEach(async () => {
  temporary = await temporaryFolder();
  logged.length = 0;
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  closing = [];
  await temporary.remove();
});

async function ledgerOf(count: number, key = signer): Promise<Ledger> {
  const ledger = await createLedger({ storage: createMemoryStorage(), signer: key });
  closing.push(() => ledger.close());
  if (count > 0) await ledger.append(entriesOf(count));
  return ledger;
}

async function witnessOf(name: string, port = 0): Promise<RunningWitness> {
  const folder = join(temporary.path, name);
  const witness = await startWitness({ folder, logs, name: `witness.example/${name}`, port });
  closing.push(() => witness.stop());
  return witness;
}

function requirementOf(quorum: number, witnesses: readonly Pick<RunningWitness, 'url' | 'verifier'>[]) {
  const lines = witnesses.map(({ url, verifier }, i) => `witness w${i} ${verifier.vkey} ${url}`);
  const names = witnesses.map((_, i) => `w${i}`).join(' ');
  return `${lines.join('\n')}\ngroup g ${quorum} ${names}\nquorum g\n`;
}

async function witnessingOf(
  ledger: Ledger,
  quorum: number,
  witnesses: readonly Pick<RunningWitness, 'url' | 'verifier'>[],
  clock = createTestClock(new Date().toISOString()),
): Promise<Witnessing & { readonly file: string; readonly clock: typeof clock }> {
  const outcome = parsePolicy(requirementOf(quorum, witnesses));
  if (!outcome.ok) throw new Error(outcome.reason);
  const asked = outcome.policy.witnesses.map((each) => ({ ...each, url: each.url ?? '' }));
  const file = join(temporary.path, 'witnessed');
  const witnessing = await openWitnessing({
    requirement: { witnesses: asked, isMet: outcome.policy.isMet },
    ledger,
    log: signer.verifier,
    file,
    clock,
    logger,
  });
  closing.push(() => witnessing.stop());
  return { ...witnessing, file, clock };
}

const cosignersOf = (note: string, witnesses: readonly Pick<RunningWitness, 'verifier'>[]) => {
  const opened = openCheckpoint(note, [...logs, ...witnesses.map(({ verifier }) => verifier)]);
  if (!opened.ok) throw new Error(opened.reason);
  return { size: opened.checkpoint.size, by: opened.cosignatures.map(({ verifier }) => verifier.name) };
};

describe('checkpoints', () => {
  it('get the cosignatures of all witnesses, as the log grows, and keep them with the ledger', async () => {
    const witnesses = [await witnessOf('w1'), await witnessOf('w2')];
    const ledger = await ledgerOf(7);
    const witnessing = await witnessingOf(ledger, 2, witnesses);
    for (const size of [7, 300, 301]) {
      if (size > 7) await appendUpTo(ledger, size);
      await witnessing.round();
      const note = await readFile(witnessing.file, 'utf8');
      expect(cosignersOf(note, witnesses)).toEqual({
        size,
        by: ['witness.example/w1', 'witness.example/w2'],
      });
      expect(witnessing.dress(ledger.checkpoint().note)).toBe(note);
    }
    expect(logged).toEqual([]);
    expect(witnessing.figures()).toMatchObject({ witnessedSize: 301, met: true });
    // A later checkpoint is served as it is until it has cosignatures of its own.
    await appendUpTo(ledger, 302);
    expect(witnessing.dress(ledger.checkpoint().note)).toBe(ledger.checkpoint().note);
    expect(witnessing.cosigned()?.checkpoint.size).toBe(301);
  });

  it('go on where the witness is, after a restart of either side, or where somebody else submitted', async () => {
    const witness = await witnessOf('w1');
    const ledger = await ledgerOf(7);
    await (await witnessingOf(ledger, 1, [witness])).round();
    await appendUpTo(ledger, 20);
    const second = await witnessingOf(ledger, 1, [witness]);
    // What was kept is there before anybody is asked.
    expect(second.cosigned()?.checkpoint.size).toBe(7);
    expect(second.figures().witnessedSize).toBe(7);
    await second.round();
    expect(second.cosigned()?.checkpoint.size).toBe(20);
    expect(logged).toEqual([]);
  });

  it('are not asked about again while nothing changes, but once an hour, so that the time is fresh', async () => {
    const witness = await witnessOf('w1');
    const witnessing = await witnessingOf(await ledgerOf(7), 1, [witness]);
    for (let i = 0; i < 3; i++) await witnessing.round();
    expect(witness.witness.figures().cosigned).toBe(1);
    witnessing.clock.advance(3_700_000);
    await witnessing.round();
    expect(witness.witness.figures().cosigned).toBe(2);
  });
});

describe('a witness that is away', () => {
  it('is no matter where enough others cosign, is asked less and less, and is heard again', async () => {
    const there = await witnessOf('w1');
    const away = await witnessOf('w2');
    await away.stop();
    closing.pop();
    const ledger = await ledgerOf(1);
    const witnessing = await witnessingOf(ledger, 1, [there, away]);
    for (let size = 2; size < 8; size++) {
      await appendUpTo(ledger, size);
      await witnessing.round();
      expect(witnessing.cosigned()?.checkpoint.size).toBe(size);
    }
    expect(witnessing.figures().witnesses.w1).toMatchObject({ fault: 'witness.unreachable' });
    // Told once, not each time.
    expect(codes()).toEqual(['witness.unreachable']);
    const back = await witnessOf('w2', Number(new URL(away.url).port));
    for (let i = 0; i < 12; i++) await witnessing.round();
    expect(witnessing.figures().witnesses.w1).toMatchObject({ fault: null });
    expect(cosignersOf(witnessing.cosigned()?.note ?? '', [there, back]).by).toHaveLength(2);
  });

  it('is an alarm once too few have cosigned for a quarter of an hour; the last good one stays', async () => {
    const [first, second] = [await witnessOf('w1'), await witnessOf('w2')];
    const ledger = await ledgerOf(3);
    const witnessing = await witnessingOf(ledger, 2, [first, second]);
    await witnessing.round();
    await second.stop();
    closing.pop();
    await appendUpTo(ledger, 9);
    await witnessing.round();
    expect(witnessing.figures().met).toBe(true);
    witnessing.clock.advance(16 * 60_000);
    await witnessing.round();
    expect(witnessing.figures()).toMatchObject({ met: false, witnessedSize: 3 });
    expect(codes()).toContain('witness.quorum_missed');
    expect(cosignersOf(await readFile(witnessing.file, 'utf8'), [first, second]).by).toHaveLength(2);
    // The ledger itself goes on: no third party can stop what an order demands.
    await appendUpTo(ledger, 10);
  });

  it('is noticed by a ledger in which nothing happens, too', async () => {
    const witness = await witnessOf('w1');
    const witnessing = await witnessingOf(await ledgerOf(3), 1, [witness]);
    await witnessing.round();
    await witness.stop();
    closing.pop();
    for (let minutes = 0; minutes < 80; minutes += 5) {
      witnessing.clock.advance(5 * 60_000);
      await witnessing.round();
    }
    expect(witnessing.figures().met).toBe(false);
    expect(codes()).toEqual(['witness.unreachable', 'witness.quorum_missed']);
  });
});

describe('a ledger that is not what it was is told by the witness', () => {
  it('where it lost entries', async () => {
    const witness = await witnessOf('w1');
    await (await witnessingOf(await ledgerOf(9), 1, [witness])).round();
    const restored = await witnessingOf(await ledgerOf(5), 1, [witness]);
    await restored.round();
    expect(restored.figures().witnesses.w0?.fault).toBe('witness.ahead');
    expect(codes()).toEqual(['witness.ahead']);
  });

  it('where it was written anew with its own key, at the same size and beyond', async () => {
    const witness = await witnessOf('w1');
    await (await witnessingOf(await ledgerOf(9), 1, [witness])).round();
    for (const size of [9, 12]) {
      const anew = await witnessingOf(await ledgerOf(size), 1, [witness]);
      await anew.round();
      expect(anew.figures().witnesses.w0?.fault).toBe('witness.contradicts');
    }
    expect(witness.witness.figures()).toMatchObject({ cosigned: 1 });
  });

  it('where it does not know the log or its key', async () => {
    const witness = await witnessOf('w1');
    const sameName = createNoteSigner('log.example/griffie', generateNoteKey());
    const otherName = createNoteSigner('other.example/log', generateNoteKey());
    for (const [key, fault] of [
      [sameName, 'witness.not_by_log'],
      [otherName, 'witness.unknown_log'],
    ] as const) {
      const witnessing = await witnessingOf(await ledgerOf(2, key), 1, [witness]);
      await witnessing.round();
      expect(witnessing.figures().witnesses.w0?.fault).toBe(fault);
    }
  });
});

describe('a witness that answers nonsense harms nothing', () => {
  it.each([
    ['text', 200, 'fine', 'witness.bad_answer'],
    ['too much', 200, 'x'.repeat(100_000), 'witness.unreachable'],
    ['no size', 409, '01\n', 'witness.bad_answer'],
    ['a size that nobody has', 409, '9007199254740991\n', 'witness.ahead'],
    ['its own trouble', 503, '', 'witness.busy'],
    ['that it has had enough', 429, '', 'witness.busy'],
    ['to go elsewhere', 302, '', 'witness.unreachable'],
  ])('%s', async (_, status, body, fault) => {
    const real = await witnessOf('w1');
    const server = createServer((request, response) => {
      request.resume();
      response.writeHead(status, status === 302 ? { location: real.url } : {}).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => server.close(resolve)));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const fake = { url: `http://127.0.0.1:${port}`, verifier: real.verifier };
    const witnessing = await witnessingOf(await ledgerOf(4), 1, [fake]);
    await witnessing.round();
    expect(witnessing.figures().witnesses.w0?.fault).toBe(fault);
    expect(witnessing.cosigned()).toBeNull();
  });
});

describe('the file of witnesses', () => {
  it('needs witnesses, and a URL for each; where it is wrong is told', async () => {
    const { writeFile } = await import('node:fs/promises');
    const witness = await witnessOf('w1');
    const file = join(temporary.path, 'policy');
    const read = async (text: string) => {
      await writeFile(file, text);
      return readWitnessPolicy(file);
    };
    expect((await read(requirementOf(1, [witness]))).witnesses).toHaveLength(1);
    await expect(read('quorum none')).rejects.toMatchObject({ code: 'config.witness_policy' });
    await expect(read(`witness a ${witness.verifier.vkey}\nquorum a`)).rejects.toThrow('URL');
    await expect(read(`\nwitness a b\nquorum a`)).rejects.toThrow('line 2');
  });
});

async function appendUpTo(ledger: Ledger, size: number): Promise<void> {
  while (ledger.checkpoint().size < size) {
    const have = ledger.checkpoint().size;
    await ledger.append(entriesOf(Math.min(200, size - have), have));
  }
}
