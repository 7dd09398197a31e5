import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ConsistencyClaim,
  createCosigner,
  createLedger,
  createNoteSigner,
  generateNoteKey,
  type InclusionClaim,
  signNote,
  verifyConsistency,
  verifyInclusion,
} from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';
import { formatCheckpoint } from '../../../shared/ledger/checkpoint.ts';
import { consistencyPath } from '../../../shared/ledger/consistency-proof.ts';
import { inclusionPath } from '../../../shared/ledger/inclusion-proof.ts';
import { describeWithGo } from '../../support/go/describe.ts';
import { buildGoTools } from '../../support/go/tools.ts';
import { entriesOf } from '../../support/ledger-entries.ts';
import { leavesOf, slowRoot } from '../../unit/ledger/trees.ts';

/*
 * golang.org/x/mod/sumdb reads our checkpoints and judges our proofs; x/mod knows no cosignatures, which
 * transparency-dev/formats reads in the same call.
 */

const name = 'griffie.example.nl/ledger';
const signer = createNoteSigner(name, generateNoteKey());
const stranger = createNoteSigner(name, generateNoteKey());
const witnesses = ['witness.example/one', 'witness.example/two'].map((each) =>
  createCosigner(each, generateNoteKey()),
);

describeWithGo('what Go’s own library says', (go) => {
  let base = '';
  let program = '';
  beforeAll(async () => {
    base = mkdtempSync(join(tmpdir(), 'griffie-go-note-'));
    const binaries = join(base, 'bin');
    mkdirSync(binaries);
    program = (await buildGoTools(go, binaries)).verify;
  }, 400_000);
  afterAll(() => rmSync(base, { recursive: true, force: true }));

  describe('of a note', () => {
    const open = (note: string, ...vkeys: readonly string[]): Record<string, unknown> => {
      const file = join(base, 'note');
      writeFileSync(file, note);
      return JSON.parse(
        execFileSync(program, ['note', file, ...vkeys], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      );
    };

    it('is that our checkpoint is signed, and says what we say', async () => {
      const ledger = await createLedger({ storage: createMemoryStorage(), signer });
      for (const count of [0, 1, 255, 44]) {
        if (count > 0) await ledger.append(entriesOf(count));
        const { size, root, note } = ledger.checkpoint();
        expect(open(note, signer.verifier.vkey)).toEqual({
          origin: name,
          size,
          root: Buffer.from(root).toString('base64'),
          rest: '',
          verified: [{ name }],
          unknown: [],
        });
      }
      await ledger.close();
    });

    it('is that our witnesses cosigned it, and when', async () => {
      const ledger = await createLedger({ storage: createMemoryStorage(), signer });
      await ledger.append(entriesOf(3));
      const checkpoint = ledger.checkpoint();
      const text = formatCheckpoint(checkpoint);
      const note =
        checkpoint.note + witnesses.map((each, i) => each.cosign(text, 1_795_000_000 + i)).join('');
      const [first, second] = witnesses.map(({ verifier }) => verifier);
      expect(open(note, signer.verifier.vkey, first?.vkey ?? '', second?.vkey ?? '')).toMatchObject({
        verified: [
          { name },
          { name: first?.name, time: 1_795_000_000 },
          { name: second?.name, time: 1_795_000_001 },
        ],
        unknown: [],
      });
      expect(open(note, signer.verifier.vkey, second?.vkey ?? '')).toMatchObject({
        verified: [{ name }, { name: second?.name }],
        unknown: [first?.name],
      });
      // What one witness signed is not what it would have to sign for another size.
      const forged = checkpoint.note + (witnesses[0]?.cosign(text.replace('\n3\n', '\n4\n'), 1) ?? '');
      expect(() => open(forged, signer.verifier.vkey, first?.vkey ?? '')).toThrow(/invalid signature/);
    });

    it('is no, of a note that was changed, and of another key’s', () => {
      const note = signNote(`${name}\n7\n${Buffer.alloc(32, 7).toString('base64')}\n`, signer);
      expect(open(note, signer.verifier.vkey)).toMatchObject({ size: 7 });
      expect(() => open(note.replace('\n7\n', '\n8\n'), signer.verifier.vkey)).toThrow(/invalid signature/);
      expect(() => open(note, stranger.verifier.vkey)).toThrow(/no verifiable signatures/);
    });
  });

  describe('of a proof', () => {
    const leaves = leavesOf(300);
    const rootAt = (size: number) => slowRoot(leaves.slice(0, size));
    const hashes = (ranges: readonly { start: number; end: number }[]) =>
      ranges.map(({ start, end }) => slowRoot(leaves.slice(start, end)));
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

    /** One line of the program's input, with our own verdict. */
    interface Asked {
      readonly line: object;
      readonly ours: boolean;
    }
    const askInclusion = (claim: InclusionClaim): Asked => ({
      line: {
        ...claim,
        leaf: base64(claim.leafHash),
        root: base64(claim.root),
        proof: claim.proof.map(base64),
      },
      ours: verifyInclusion(claim),
    });
    const askConsistency = (claim: ConsistencyClaim): Asked => ({
      line: {
        first: claim.first,
        firstRoot: base64(claim.firstRoot),
        size: claim.second,
        root: base64(claim.secondRoot),
        proof: claim.proof.map(base64),
      },
      ours: verifyConsistency(claim),
    });
    const flipped = (hash: Uint8Array): Uint8Array => Buffer.from(hash).fill((hash[0] ?? 0) ^ 1, 0, 1);
    /** The claim's proof in every way in which it can be wrong by one. */
    const proofsLike = (proof: readonly Uint8Array[], at: number): (readonly Uint8Array[])[] => {
      const place = proof.length === 0 ? 0 : at % proof.length;
      const broken = [[...proof, rootAt(1)], proof.toSpliced(place, 1), [...proof].reverse()];
      const hash = proof[place];
      return hash === undefined ? broken : [...broken, proof.with(place, flipped(hash))];
    };

    it('is what we say, of proofs that are right and of proofs that are not', () => {
      const asked: Asked[] = [];
      const sizes = fc.tuple(fc.integer({ min: 1, max: 300 }), fc.nat(), fc.nat());
      for (const [size, pick, at] of fc.sample(sizes, { numRuns: 150, seed: 7 })) {
        const index = pick % size;
        const inclusion = {
          index,
          size,
          leafHash: leaves[index] ?? rootAt(1),
          root: rootAt(size),
          proof: hashes(inclusionPath(index, size)),
        };
        asked.push(askInclusion(inclusion));
        for (const proof of proofsLike(inclusion.proof, at))
          asked.push(askInclusion({ ...inclusion, proof }));
        for (const other of [index + 1, size - 1 - index, size])
          asked.push(askInclusion({ ...inclusion, index: other }));
        for (const other of [size + 1, size * 2]) asked.push(askInclusion({ ...inclusion, size: other }));
        asked.push(askInclusion({ ...inclusion, root: flipped(inclusion.root) }));
        asked.push(askInclusion({ ...inclusion, leafHash: flipped(inclusion.leafHash) }));

        const first = 1 + index;
        const consistency = {
          first,
          second: size,
          firstRoot: rootAt(first),
          secondRoot: rootAt(size),
          proof: hashes(consistencyPath(first, size)),
        };
        asked.push(askConsistency(consistency));
        for (const proof of proofsLike(consistency.proof, at))
          asked.push(askConsistency({ ...consistency, proof }));
        for (const other of [first + 1, first - 1])
          asked.push(askConsistency({ ...consistency, first: other }));
        for (const other of [size + 1, size * 2])
          asked.push(askConsistency({ ...consistency, second: other }));
        asked.push(askConsistency({ ...consistency, firstRoot: flipped(consistency.firstRoot) }));
        asked.push(askConsistency({ ...consistency, secondRoot: flipped(consistency.secondRoot) }));
      }
      const input = asked.map(({ line }) => `${JSON.stringify(line)}\n`).join('');
      const verdicts = execFileSync(program, ['proofs'], { input, encoding: 'utf8' }).trimEnd().split('\n');
      expect(verdicts).toHaveLength(asked.length);
      const differing = asked.filter(({ ours }, i) => ours !== (verdicts[i] === 'ok'));
      expect(differing).toEqual([]);
      expect(verdicts.filter((verdict) => verdict === 'ok').length).toBeGreaterThan(250);
      expect(verdicts.filter((verdict) => verdict === 'bad').length).toBeGreaterThan(1_500);
    });
  });
});
