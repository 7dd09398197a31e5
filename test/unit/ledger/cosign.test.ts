import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createCosigner,
  createNoteSigner,
  emptyRoot,
  formatCheckpoint,
  generateNoteKey,
  openCheckpoint,
  parseVerifierKey,
  readCosignature,
} from '#shared/ledger';
import { signCheckpoint } from '../../../shared/ledger/checkpoint.ts';
import { leavesOf } from './trees.ts';

const log = createNoteSigner('log.example/griffie', generateNoteKey());
const witness = createCosigner('witness.example/w1', generateNoteKey());
const stranger = createCosigner('witness.example/w2', generateNoteKey());
const checkpoint = signCheckpoint(7, leavesOf(1)[0] ?? emptyRoot, log);
const text = formatCheckpoint(checkpoint);
const at = 1_795_000_000;
const line = witness.cosign(text, at);

describe('a cosignature', () => {
  it('of C2SP’s example has the key id, time and length of this format', () => {
    // The witness's line in c2sp.org/tlog-cosignature; its public key is not published.
    const blob = Buffer.from(
      'jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==',
      'base64',
    );
    const ours = Buffer.from(line.split(' ')[2] ?? '', 'base64');
    expect(ours.length).toBe(blob.length);
    expect(blob.readBigUInt64BE(4)).toBe(1_679_315_147n);
    expect(ours.readBigUInt64BE(4)).toBe(BigInt(at));
  });

  it('stands under the checkpoint, and opens with the witness’s vkey and its time', () => {
    const known = [log.verifier, parseVerifierKey(witness.verifier.vkey)];
    const opened = openCheckpoint(checkpoint.note + line, known);
    expect(opened).toMatchObject({ ok: true, cosignatures: [{ time: at }] });
    expect(witness.verifier.vkey).toMatch(/^witness\.example\/w1\+[0-9a-f]{8}\+B/);
  });

  it('of one checkpoint is none of another, and its time cannot be changed', () => {
    const next = signCheckpoint(8, checkpoint.root, log);
    const known = [log.verifier, witness.verifier];
    expect(openCheckpoint(next.note + line, known)).toEqual({ ok: false, reason: 'note.bad_signature' });
    const blob = Buffer.from(line.split(' ')[2] ?? '', 'base64');
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: blob.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (i, mask) => {
          const changed = Buffer.from(blob);
          changed[i] = (changed[i] ?? 0) ^ mask;
          const bad = `— ${witness.verifier.name} ${changed.toString('base64')}\n`;
          expect(openCheckpoint(checkpoint.note + bad, known).ok).toBe(false);
          expect(readCosignature(text, bad, witness.verifier)).toBeNull();
        },
      ),
    );
  });
});

describe('a witness’s answer', () => {
  it('gives its line, without those of keys that are not known', () => {
    const answer = stranger.cosign(text, at) + line;
    expect(readCosignature(text, answer, witness.verifier)).toMatchObject({ time: at, line });
  });

  it('of several lines of its own gives the latest', () => {
    const later = witness.cosign(text, at + 5);
    expect(readCosignature(text, line + later + line, witness.verifier)).toMatchObject({ time: at + 5 });
  });

  it.each([
    ['empty', ''],
    ['without its newline', line.slice(0, -1)],
    ['of strangers only', stranger.cosign(text, at)],
    ['about another checkpoint', witness.cosign(text.replace('7', '8'), at)],
    ['with a blank line', `${line}\n${line}`],
    ['with a text of its own', `another text\n\n${line}`],
    ['of too many lines', line.repeat(17)],
    ['that is no signature line', `ok\n${line}`],
  ])('that is %s is none', (_, answer) => {
    expect(readCosignature(text, answer, witness.verifier)).toBeNull();
  });

  it('of anything at all is none, and no fault', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (answer) => {
        expect(readCosignature(text, answer, witness.verifier)).toBeNull();
        expect(readCosignature(text, `${answer}\n`, witness.verifier)).toBeNull();
      }),
    );
  });
});
