import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createNoteSigner,
  decodeBundle,
  encodeBundle,
  generateNoteKey,
  type LedgerEntry,
} from '#shared/ledger';
import { validatePublicJwk } from '#shared/signed-request';
import { noteKeyId } from '../../shared/ledger/note-key.ts';
import { copyLedger, entriesOf, type History, makeHistory, writeAnew } from '../integration/audit/history.ts';
import { type Ran, run } from '../unit/cli/support.ts';

let history: History;
let entries: LedgerEntry[];
let copies = 0;

beforeAll(async () => {
  history = await makeHistory();
  entries = await entriesOf(history.ledger, history.signer);
});
afterAll(() => history.remove());

const verify = (ledger: string, ...args: readonly string[]): Promise<Ran> =>
  run(['audit', 'verify', ledger, '--key', history.signer.verifier.vkey, '--json', ...args]);
const rulesOf = (ran: Ran): (string | undefined)[] => [
  ...new Set(ran.exitCode === 1 ? ran.error().problems?.map(({ rule }) => rule) : []),
];
const newPath = (what: string): string => history.path(`${what}-${++copies}`);
function copyOf(ledger: string): string {
  const copy = newPath('copy');
  copyLedger(ledger, copy);
  return copy;
}
/** A state file of an auditor who verified this ledger. */
async function stateAfter(ledger: string): Promise<string> {
  const state = newPath('state');
  const ran = await verify(ledger, '--state', state);
  expect(ran.exitCode).toBe(0);
  return state;
}
/** The whole log, written and signed anew with the operator's key. */
async function forged(change: (entries: LedgerEntry[]) => LedgerEntry[]): Promise<string> {
  const ledger = newPath('forged');
  await writeAnew(ledger, change(structuredClone(entries)), history.signer);
  return ledger;
}
const indexOf = (kind: string, from = 0): number => {
  const index = entries.findIndex((entry, i) => i >= from && entry.kind === kind);
  if (index < 0) throw new Error(`no ${kind}`);
  return index;
};
const entryAt = (kind: string): LedgerEntry => {
  const entry = entries[indexOf(kind)];
  if (!entry) throw new Error(`no ${kind}`);
  return entry;
};

describe('who has the files but not the key is found by the tree:', () => {
  /** Changes the entries of the one partial bundle in place. */
  async function damaged(change: (leaves: Uint8Array[]) => Uint8Array[]): Promise<Ran> {
    const copy = copyOf(history.ledger);
    const path = `${copy}/tile/entries/000.p/${entries.length}`;
    const leaves = decodeBundle(readFileSync(path), entries.length) ?? [];
    writeFileSync(path, encodeBundle(change(leaves)));
    return verify(copy);
  }

  it('a changed byte', async () => {
    const ran = await damaged((leaves) => {
      const changed = Buffer.from(leaves[7] ?? []);
      changed.writeUInt8(changed.readUInt8(40) ^ 1, 40);
      return leaves.with(7, changed);
    });
    expect(rulesOf(ran)).toEqual(expect.arrayContaining(['entry.differs', 'root.differs']));
  });

  it('a removed entry', async () => {
    const ran = await damaged((leaves) => leaves.toSpliced(9, 1));
    expect(rulesOf(ran)).toContain('bundle.malformed');
  });

  it('an added entry', async () => {
    const ran = await damaged((leaves) => leaves.toSpliced(9, 0, leaves[9] ?? new Uint8Array()));
    expect(rulesOf(ran)).toContain('bundle.malformed');
  });

  it('two entries that were swapped', async () => {
    const ran = await damaged((leaves) => {
      const [a, b] = [leaves[5], leaves[6]];
      return a && b ? leaves.with(5, b).with(6, a) : [];
    });
    expect(rulesOf(ran)).toEqual(expect.arrayContaining(['entry.differs', 'root.differs']));
  });

  it('a log that was cut below its checkpoint', async () => {
    const copy = copyOf(history.earlierLedger);
    writeFileSync(`${copy}/checkpoint`, readFileSync(`${history.ledger}/checkpoint`));
    expect(rulesOf(await verify(copy))).toContain('bundle.missing');
  });

  it('a lost bundle, a lost tile', async () => {
    for (const name of ['entries', '0']) {
      const copy = copyOf(history.ledger);
      rmSync(`${copy}/tile/${name}/000.p/${entries.length}`);
      expect(rulesOf(await verify(copy))).toContain(name === '0' ? 'tile.missing' : 'bundle.missing');
    }
  });
});

describe('an old state that is put back whole', () => {
  it('is found by what the auditor saw before, and by nothing else', async () => {
    expect((await verify(history.earlierLedger)).exitCode).toBe(0);
    const state = await stateAfter(history.ledger);
    const ran = await verify(history.earlierLedger, '--state', state);
    expect(rulesOf(ran)).toEqual(['log.shrunk']);
  });

  it('leaves the state file as it was, and names the note that contradicts it', async () => {
    const state = await stateAfter(history.ledger);
    const before = readFileSync(state, 'utf8');
    const ran = await verify(history.earlierLedger, '--state', state);
    expect(readFileSync(state, 'utf8')).toBe(before);
    expect(ran.json().contradicts).toBe(readFileSync(`${history.ledger}/checkpoint`, 'utf8'));
    expect(ran.json().checkpoint).toBe(readFileSync(`${history.earlierLedger}/checkpoint`, 'utf8'));
  });
});

describe('who has the ledger’s key and writes the log anew', () => {
  const withoutRefusal = () => forged((all) => all.toSpliced(indexOf('disclosure.refused'), 1));

  it('can leave out a refusal unseen by the tree, the signatures and the replay', async () => {
    // Said in the guide: one copy of a log cannot show that it is the only one.
    expect((await verify(await withoutRefusal())).exitCode).toBe(0);
  });

  it('is found by a checkpoint that was seen before', async () => {
    const state = await stateAfter(history.ledger);
    const grown = await forged((all) => [
      ...all.toSpliced(indexOf('disclosure.refused'), 1),
      { ...noise(all), id: entryAt('ledger.started').id.replace(/.$/, '0') },
      { ...noise(all), id: entryAt('ledger.started').id.replace(/.$/, '1') },
    ]);
    expect((await verify(grown)).exitCode).toBe(0);
    expect(rulesOf(await verify(grown, '--state', state))).toEqual(['log.forked']);
    expect(rulesOf(await verify(await withoutRefusal(), '--state', state))).toEqual(['log.shrunk']);
  });

  it('is found by an early checkpoint, however much was written since', async () => {
    const state = await stateAfter(history.earlierLedger);
    expect((await verify(history.ledger, '--state', state)).exitCode).toBe(0);
    const early = indexOf('credential.enrolled');
    const ran = await verify(
      await forged((all) => all.with(early, { ...entryAt('credential.enrolled'), id: entries[9]?.id ?? '' })),
      '--state',
      state,
    );
    expect(rulesOf(ran)).toEqual(['log.forked']);
    // Both of what was seen, for the ledger of the second time is in the file, too.
    expect(ran.error().problems).toHaveLength(2);
  });

  it('is found by the lack of a cosignature that the auditor demands', async () => {
    const witness = createWitness('witness.example.org/one');
    const cosigned = copyOf(history.ledger);
    writeFileSync(`${cosigned}/checkpoint`, witness.cosign(readFileSync(`${cosigned}/checkpoint`, 'utf8')));
    const ran = await verify(cosigned, '--witness', witness.vkey);
    expect(ran.exitCode).toBe(0);
    expect(ran.json().witnesses).toEqual([{ name: 'witness.example.org/one', time: 1_800_000_000 }]);
    expect(rulesOf(await verify(await withoutRefusal(), '--witness', witness.vkey))).toEqual([
      'witness.missing',
    ]);
  });

  it('cannot take a cosignature over from the true log', async () => {
    const witness = createWitness('witness.example.org/one');
    const ledger = await withoutRefusal();
    const lines = witness
      .cosign(readFileSync(`${history.ledger}/checkpoint`, 'utf8'))
      .trimEnd()
      .split('\n');
    const note = `${readFileSync(`${ledger}/checkpoint`, 'utf8')}${lines.at(-1)}\n`;
    writeFileSync(`${ledger}/checkpoint`, note);
    expect(rulesOf(await verify(ledger, '--witness', witness.vkey))).toEqual(['checkpoint.invalid']);
  });

  it('is found by the replay, leaving out an approval', async () => {
    const ledger = await forged((all) => all.toSpliced(indexOf('order.approved'), 1));
    expect(rulesOf(await verify(ledger))).toContain('entry.decision');
  });

  it('is found by the replay, releasing what was refused for want of an approval', async () => {
    const at = entries.findIndex(
      ({ kind, details }) =>
        kind === 'disclosure.refused' && JSON.stringify(details).includes('order.not_approved'),
    );
    const ledger = await forged((all) => {
      const refused = all[at];
      if (!refused) return [];
      const { orderId = '' } = refused.details;
      const requested: LedgerEntry = {
        ...refused,
        kind: 'disclosure.requested',
        details: { orderId, orderVersion: 1 },
      };
      const released: LedgerEntry = {
        ...entryAt('disclosure.released'),
        id: entries[0]?.id ?? '',
        at: refused.at,
        ...(refused.subject === undefined ? {} : { subject: refused.subject }),
        details: { ...entryAt('disclosure.released').details, orderId },
      };
      return all.toSpliced(at, 1, requested, released);
    });
    const ran = await verify(ledger);
    expect(rulesOf(ran)).toEqual(['entry.decision']);
    expect(ran.error().problems?.map(({ sentence }) => sentence)).toEqual([
      `Entry ${at} was allowed, and the rules refuse it (order.not_approved).`,
      `Entry ${at + 1} releases, and the rules refuse it (order.not_approved).`,
    ]);
  });

  it('is found by the replay, releasing after the order had ended', async () => {
    const ledger = await forged((all) => {
      const late = (index: number): LedgerEntry =>
        ({ ...all[index], at: '2096-12-20T00:00:00.001Z' }) as LedgerEntry;
      return all.with(indexOf('disclosure.released'), late(indexOf('disclosure.released')));
    });
    expect(rulesOf(await verify(ledger))).toContain('entry.decision');
  });

  it('is found by the signatures, acting in another’s name', async () => {
    const officers = entries.filter(
      ({ kind }) => kind === 'disclosure.requested' || kind === 'disclosure.refused',
    );
    const [one, other] = [officers[0], officers.find(({ actor }) => actor !== officers[0]?.actor)];
    if (!one || !other) throw new Error('two officers asked');
    const ledger = await forged((all) => all.with(entries.indexOf(one), { ...one, actor: other.actor }));
    expect(rulesOf(await verify(ledger))).toEqual(expect.arrayContaining(['entry.evidence']));
  });

  it('is found by the signatures, with a request that was never signed', async () => {
    const ledger = await forged((all) => {
      const { evidence = '', ...entry } = entryAt('order.approved');
      const [head, payload, signature = ''] = evidence.split('.');
      const last = signature.startsWith('A') ? 'B' : 'A';
      return all.with(indexOf('order.approved'), {
        ...entry,
        evidence: `${head}.${payload}.${last}${signature.slice(1)}`,
      });
    });
    expect(rulesOf(await verify(ledger))).toEqual(['entry.evidence']);
  });

  it('is found by the signatures, enrolling somebody of their own', async () => {
    const ledger = await forged((all) => {
      const { evidence: _, ...own } = entryAt('credential.enrolled');
      const { possession: __, ...details } = own.details;
      return [
        ...all,
        { ...own, details: { ...details, thumbprint: 'A'.repeat(43), role: 'officer' } } as LedgerEntry,
      ];
    });
    expect(rulesOf(await verify(ledger))).toEqual(['entry.evidence']);
  });

  it.each([
    ['an officer by a ceremony on the console', { role: 'officer' }],
    ['a third administrator by a ceremony on the console', { personId: 'mallory' }],
  ])('is found by the replay, making %s', async (_, change) => {
    const at = indexOf('order.recorded');
    const ledger = await forged((all) => {
      const own = entryAt('credential.enrolled');
      const details = { ...own.details, thumbprint: 'A'.repeat(43), ...change };
      return all.toSpliced(at, 0, { ...own, subject: 'A'.repeat(43), details } as LedgerEntry);
    });
    expect(rulesOf(await verify(ledger))).toEqual(['entry.impossible']);
  });

  it('is found by the signatures, taking another’s key into a ceremony', async () => {
    const at = indexOf('credential.enrolled');
    const ledger = await forged((all) => {
      const own = entryAt('credential.enrolled');
      return all.with(at, { ...own, details: { ...own.details, credentialId: 'mallory' } } as LedgerEntry);
    });
    expect(rulesOf(await verify(ledger))).toContain('entry.evidence');
  });

  it.each([
    ['a confirmation by the administrator who enrolled', 'credential.confirmed', 'entry.evidence'],
    ['no confirmation at all', 'credential.confirmed', 'entry.impossible'],
  ])('is found, with %s', async (what, kind, rule) => {
    const at = indexOf(kind);
    const enroller = entries[at - 1];
    const ledger = await forged((all) =>
      what.startsWith('no')
        ? all.toSpliced(at, 1)
        : all.with(at, { ...entryAt(kind), actor: enroller?.actor ?? entryAt(kind).actor }),
    );
    expect(rulesOf(await verify(ledger))).toContain(rule);
  });

  it('is found by the claims, using a signed request for another order', async () => {
    const ledger = await forged((all) => {
      const [, second] = all.filter(({ kind }) => kind === 'order.recorded');
      return all.with(indexOf('order.approved'), {
        ...entryAt('order.approved'),
        ...(second?.subject === undefined ? {} : { subject: second.subject }),
      });
    });
    expect(rulesOf(await verify(ledger))).toContain('entry.evidence');
  });

  it('is found by the replay, using a signed request a second time', async () => {
    const at = indexOf('disclosure.collected');
    const again = await forged((all) => all.toSpliced(at + 1, 0, entryAt('disclosure.collected')));
    const ran = await verify(again);
    expect(ran.error().problems).toEqual([
      expect.objectContaining({
        rule: 'entry.decision',
        sentence: `Entry ${at + 1} was allowed, and the rules refuse it (proof.replayed).`,
      }),
    ]);
    const later = await forged((all) => [
      ...all,
      { ...entryAt('disclosure.collected'), at: all.at(-1)?.at ?? '' },
    ]);
    expect(rulesOf(await verify(later))).toEqual(['entry.evidence']);
  });

  it.each<[string, string, string]>([
    ['proof.replayed', 'proof.key_revoked', 'entry.decision'],
    ['access.role', 'proof.replayed', 'entry.decision'],
    ['order.own_registration', 'order.expired', 'entry.decision'],
    ['disclosure.not_yours', 'disclosure.unknown', 'entry.decision'],
    ['credential.last_administrator', 'credential.revoked', 'entry.decision'],
    ['credential.own_enrolment', 'credential.confirmed', 'entry.decision'],
    ['credential.confirmed', 'credential.own_enrolment', 'entry.decision'],
    ['proof.key_unconfirmed', 'proof.key_revoked', 'entry.decision'],
  ])('is found by the replay, giving for a refusal by %s the reason %s', async (code, instead, rule) => {
    const at = entries.findIndex(({ details }) => details.code === code);
    const ledger = await forged((all) =>
      all.map((entry, i) => (i === at ? { ...entry, details: { ...entry.details, code: instead } } : entry)),
    );
    expect(at).toBeGreaterThan(0);
    expect(rulesOf(await verify(ledger))).toEqual([rule]);
  });

  it('is found by the replay, refusing a disclosure for another reason', async () => {
    const at = indexOf('disclosure.refused');
    const refused = entryAt('disclosure.refused');
    const ledger = await forged((all) =>
      all.with(at, { ...refused, details: { ...refused.details, codes: ['order.expired'] } }),
    );
    expect(rulesOf(await verify(ledger))).toEqual(['entry.decision']);
  });

  it.each([
    ['a key that was enrolled', 'credential.enrolled', { notAfter: '2097-11-20T08:00:00.000Z' }],
    ['the reason of a rejection', 'order.rejected', { reason: 'other' }],
    ['the reason of a revocation', 'credential.revoked', { reason: 'other' }],
  ])('cannot change %s unnoticed: its body is no longer the one that was signed', async (_, kind, change) => {
    const at = kind === 'credential.enrolled' ? indexOf(kind, 3) : indexOf(kind);
    const ledger = await forged((all) =>
      all.map((entry, i) => (i === at ? { ...entry, details: { ...entry.details, ...change } } : entry)),
    );
    const ran = await verify(ledger);
    expect(ran.exitCode).toBe(4);
    expect(ran.json().notChecked).toContainEqual(
      expect.objectContaining({ what: 'body', count: 1, first: [at] }),
    );
  });

  it('cannot make it the ledger of another service unnoticed, to use requests that were made there', async () => {
    const pins = history.path('pins.json');
    const { manifestKey } = entryAt('ledger.started').details;
    const { kid } = await publicKeyOf(manifestKey);
    writeFileSync(
      pins,
      JSON.stringify({
        audience: 'https://griffie.example.nl',
        manifestKey,
        manifestKeyId: kid,
        ledgerKey: history.signer.verifier.vkey,
        retrievedAt: '2096-11-20T09:00:00.000Z',
      }),
    );
    const pinned = (ledger: string): Promise<Ran> =>
      run(['audit', 'verify', ledger, '--keys', pins, '--json']);
    expect((await pinned(history.ledger)).exitCode).toBe(0);
    const ledger = await forged((all) => [
      ...all,
      {
        ...noise(all),
        kind: 'configuration.changed',
        details: { ...entryAt('ledger.started').details, audience: 'https://other.example.nl' },
      },
    ]);
    const ran = await pinned(ledger);
    expect(ran.exitCode).toBe(4);
    expect(ran.json()).toMatchObject({
      audience: 'https://other.example.nl',
      audienceExpected: 'https://griffie.example.nl',
    });
  });

  it('cannot date an entry back unnoticed', async () => {
    const at = indexOf('disclosure.refused') + 3;
    const back = { ...entryAt('ledger.started'), kind: 'configuration.changed' as const };
    const dated = (time: string) => forged((all) => all.toSpliced(at, 0, { ...back, at: time }));
    expect(rulesOf(await verify(await dated('2096-11-20T08:00:00.000Z')))).toEqual(['entry.decision']);
    // By less than clocks are corrected by, it is no breach of the rules, and said all the same.
    const ran = await verify(await dated('2096-11-20T08:59:59.000Z'));
    expect(ran.exitCode).toBe(4);
    expect(ran.json().notChecked).toContainEqual(
      expect.objectContaining({ what: 'clock', count: 1, first: [at] }),
    );
    // Of noise the time was read before its turn came: that is how the service writes it.
    const noisy = await forged((all) =>
      all.toSpliced(at, 0, { ...noise(all), at: '2096-11-20T08:59:59.999Z' }),
    );
    expect((await verify(noisy)).exitCode).toBe(0);
  });

  it('tells nobody’s data in what it finds', async () => {
    const ledger = await forged((all) => all.toSpliced(indexOf('order.approved'), 1));
    const ran = await verify(ledger);
    expect(ran.stdout + ran.stderr).not.toMatch(/@|alice|carol|\d+\.\d+\.\d+\.\d+/);
  });
});

describe('another key', () => {
  it('is found where one was seen before, and nothing is verified', async () => {
    const state = await stateAfter(history.ledger);
    const other = createNoteSigner('griffie.example.nl/ledger', generateNoteKey());
    const ledger = newPath('other');
    await writeAnew(ledger, entries, other);
    const ran = await run([
      'audit',
      'verify',
      ledger,
      '--key',
      other.verifier.vkey,
      '--state',
      state,
      '--json',
    ]);
    expect({ exitCode: ran.exitCode, code: ran.error().code }).toEqual({
      exitCode: 2,
      code: 'audit.other_key',
    });
    const trusting = await run(['audit', 'verify', ledger, '--state', state, '--json']);
    expect(rulesOf(trusting)).toEqual(['checkpoint.invalid']);
  });
});

describe('a state file', () => {
  it('is enough to verify a folder with, once it was begun with a pinned key', async () => {
    const state = await stateAfter(history.earlierLedger);
    const ran = await run(['audit', 'verify', history.ledger, '--state', state, '--json']);
    expect(ran.exitCode).toBe(0);
    expect(ran.json()).toMatchObject({ keyFrom: 'state', state: { earlier: 1, extended: 1 } });
    expect(readFileSync(state, 'utf8').match(/^seen /gm)).toHaveLength(2);
  });

  it('is not begun where the ledger is not verified', async () => {
    const state = newPath('state');
    const ledger = await forged((all) => all.toSpliced(indexOf('order.approved'), 1));
    expect((await verify(ledger, '--state', state)).exitCode).toBe(1);
    expect(existsSync(state)).toBe(false);
  });

  it('that was changed is refused, whatever the byte', async () => {
    const state = await stateAfter(history.ledger);
    const bytes = readFileSync(state);
    for (let at = 0; at < bytes.length; at += 13) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      writeFileSync(state, changed);
      const ran = await run(['audit', 'verify', history.ledger, '--state', state, '--json']);
      // The time of seeing is the auditor's own note, and nobody signs it.
      const isTime =
        bytes
          .subarray(0, at + 1)
          .toString()
          .lastIndexOf('seen ') > bytes.subarray(0, at).toString().lastIndexOf('\n');
      if (!isTime) expect({ at, exitCode: ran.exitCode }).toEqual({ at, exitCode: 2 });
    }
  });
});

async function publicKeyOf(jwk: unknown): Promise<{ kid: string }> {
  const key = await validatePublicJwk(jwk, 'EdDSA');
  if (!key.ok) throw new Error(key.code);
  return key;
}

/** The last entry, as a new one without anybody's request. */
function noise(all: readonly LedgerEntry[]): LedgerEntry {
  const at = all.at(-1)?.at ?? '';
  return {
    v: 1,
    kind: 'access.noise',
    id: all[0]?.id ?? '',
    at,
    actor: { service: 'disclosure' },
    details: { from: at, to: at, counts: [] },
  };
}

/** A witness (C2SP tlog-cosignature), made from the specification. */
function createWitness(name: string): { readonly vkey: string; cosign(note: string): string } {
  const pair = generateKeyPairSync('ed25519');
  const raw = Buffer.from(pair.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const keyId = Buffer.from(noteKeyId(name, 4, raw));
  const key = createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return {
    vkey: `${name}+${keyId.toString('hex')}+${Buffer.concat([Uint8Array.of(4), raw]).toString('base64')}`,
    cosign: (note) => {
      const time = 1_800_000_000;
      const text = note.slice(0, note.lastIndexOf('\n\n') + 1);
      const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${time}\n${text}`), key);
      const stamp = Buffer.alloc(8);
      stamp.writeBigUInt64BE(BigInt(time));
      return `${note}\u2014 ${name} ${Buffer.concat([keyId, stamp, signature]).toString('base64')}\n`;
    },
  };
}
