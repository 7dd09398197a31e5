import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createNoteSigner,
  emptyRoot,
  formatCheckpoint,
  generateNoteKey,
  LedgerError,
  openCheckpoint,
  openNote,
  parseCheckpoint,
  parseVerifierKey,
  signNote,
} from '#shared/ledger';
import { signCheckpoint } from '../../../shared/ledger/checkpoint.ts';
import { cosignatureMessage } from '../../../shared/ledger/cosignature.ts';
import { leavesOf } from './trees.ts';

// The example of golang.org/x/mod/sumdb/note (BSD-3-Clause): another implementation's key and note.
const goKey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const goNote =
  'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n\n" +
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

const signer = createNoteSigner('log.example/griffie', generateNoteKey());
const other = createNoteSigner('log.example/griffie', generateNoteKey());
const checkpoint = signCheckpoint(7, leavesOf(1)[0] ?? emptyRoot, signer);
const known = [signer.verifier];

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof LedgerError) return error.code;
  }
  return 'no LedgerError';
};

/** A witness as C2SP tlog-cosignature has it. */
function createWitness(name: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const material = Buffer.concat([Uint8Array.of(0x04), raw]);
  const id = createHash('sha256').update(`${name}\n`).update(material).digest().subarray(0, 4);
  const verifier = parseVerifierKey(`${name}+${id.toString('hex')}+${material.toString('base64')}`);
  const line = (text: string, time: number) => {
    const stamp = Buffer.alloc(8);
    stamp.writeBigUInt64BE(BigInt(time));
    const signature = sign(null, cosignatureMessage(text, time), privateKey);
    return `— ${name} ${Buffer.concat([id, stamp, signature]).toString('base64')}\n`;
  };
  return { verifier, line };
}

describe('a signed note', () => {
  it('of another implementation opens with its key', () => {
    const opened = openNote(goNote, [parseVerifierKey(goKey)]);
    expect(opened.ok && opened.text).toMatch(/^If you think .* is\.\n$/s);
  });

  it('opens with the signer’s vkey, and gives its text', () => {
    const note = signNote('first\n\nsecond\n', signer);
    const opened = openNote(note, [parseVerifierKey(signer.verifier.vkey)]);
    // The text has a blank line of its own: it is split at the last one.
    expect(opened).toMatchObject({ ok: true, text: 'first\n\nsecond\n' });
  });

  it('is refused once any byte of it is changed', () => {
    const bytes = Buffer.from(checkpoint.note);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ mask;
        expect(openCheckpoint(changed.toString('utf8'), known).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('is refused once any part of it is left out or doubled', () => {
    for (let at = 0; at < checkpoint.note.length; at++) {
      const { note } = checkpoint;
      expect(openCheckpoint(note.slice(0, at), known).ok).toBe(false);
      expect(openCheckpoint(note.slice(0, at) + note.slice(at + 1), known).ok).toBe(false);
      expect(openCheckpoint(note.slice(0, at) + note.charAt(at) + note.slice(at), known).ok).toBe(false);
    }
  });

  it('may carry signatures of unknown keys, by name or by id, before and after the known one', () => {
    const foreign = other.verifier.name;
    const blob = Buffer.concat([other.verifier.keyId, Buffer.alloc(64)]).toString('base64');
    const [head = '', own = ''] = checkpoint.note.split('\n\n');
    const note = `${head}\n\n— ${foreign} ${blob}\n${own}— elsewhere ${blob}\n`;
    expect(openCheckpoint(note, known).ok).toBe(true);
    expect(openCheckpoint(note, [parseVerifierKey(goKey)])).toEqual({ ok: false, reason: 'note.unsigned' });
  });

  it('is bad as a whole where a known key’s signature does not verify, though another one does', () => {
    const blob = Buffer.concat([other.verifier.keyId, Buffer.alloc(64)]).toString('base64');
    const note = `${checkpoint.note}— ${other.verifier.name} ${blob}\n`;
    expect(openNote(note, [...known, other.verifier])).toEqual({ ok: false, reason: 'note.bad_signature' });
  });

  it('accepts sixteen signatures and refuses a flood of them', () => {
    const line = `— other ${Buffer.alloc(100, 1).toString('base64')}\n`;
    expect(openCheckpoint(checkpoint.note + line.repeat(15), known).ok).toBe(true);
    expect(openCheckpoint(checkpoint.note + line.repeat(64), known)).toEqual({
      ok: false,
      reason: 'note.malformed',
    });
  });

  it.each([
    ['no blank line', 'text\n— a AAAAAAAA\n'],
    ['no signature', 'text\n\n'],
    ['no last newline', checkpoint.note.slice(0, -1)],
    ['carriage returns', checkpoint.note.replaceAll('\n', '\r\n')],
    ['a tab', `a\tb${checkpoint.note}`],
    ['a hyphen for the dash', checkpoint.note.replace('—', '-')],
    ['base64 without padding', checkpoint.note.replace(/=+\n$/, '\n')],
    ['base64url', goNote.replaceAll('/', '_')],
    ['two spaces', checkpoint.note.replace('— ', '—  ')],
    ['a signature line before the blank line only', `${checkpoint.note}\n`],
    ['a signature of four bytes', 'text\n\n— a AAAAAA==\n'],
    ['a byte order mark', `\ufeff${checkpoint.note}`],
  ])('is refused with %s', (_, note) => {
    expect(openCheckpoint(note, [...known, parseVerifierKey(goKey)]).ok).toBe(false);
  });
});

describe('a verifier key', () => {
  it('reads back as it was written', () => {
    expect(parseVerifierKey(goKey).vkey).toBe(goKey);
    expect(parseVerifierKey(signer.verifier.vkey).vkey).toBe(signer.verifier.vkey);
  });

  it.each([
    ['another key id', goKey.replace('c74f20a3', 'c74f20a4')],
    ['another name', goKey.replace('PeterNeumann', 'PeterNewmann')],
    ['a key of an unknown type', goKey.replace('+ARpc', '+Ahpc')],
    ['a short key', goKey.slice(0, -4)],
    ['upper-case hexadecimal', goKey.replace('c74f20a3', 'C74F20A3')],
    ['a space in the name', goKey.replace('PeterNeumann', 'Peter Neumann')],
    ['nothing', ''],
  ])('is refused with %s', (_, vkey) => {
    expect(codeOf(() => parseVerifierKey(vkey))).toBe('ledger.bad_key');
  });

  it('is made of Ed25519 keys and proper origins only, and errors show nothing of the key', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const pem = rsa.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(codeOf(() => createNoteSigner('log.example', pem))).toBe('ledger.bad_key');
    expect(codeOf(() => createNoteSigner('log.example', 'secret'))).toBe('ledger.bad_key');
    for (const origin of ['', 'a b', 'a+b', 'a\nb', 'a\u00a0b']) {
      expect(codeOf(() => createNoteSigner(origin, generateNoteKey()))).toBe('ledger.bad_key');
    }
  });
});

describe('a checkpoint', () => {
  it('is the three lines of C2SP tlog-checkpoint', () => {
    expect(formatCheckpoint({ origin: 'log.example', size: 0, root: emptyRoot })).toBe(
      'log.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n',
    );
    expect(parseCheckpoint(formatCheckpoint(checkpoint))).toMatchObject({
      size: 7,
      origin: checkpoint.origin,
    });
  });

  const root = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';
  it.each([
    ['a leading zero', `log.example\n07\n${root}\n`],
    ['a sign', `log.example\n+7\n${root}\n`],
    ['a size beyond 2^53', `log.example\n9007199254740993\n${root}\n`],
    ['an extension line', `log.example\n7\n${root}\nextension\n`],
    ['a blank line', `log.example\n7\n\n${root}\n`],
    ['a short root', `log.example\n7\n${root.slice(4)}\n`],
    ['no origin', `\n7\n${root}\n`],
    ['no last newline', `log.example\n7\n${root}`],
    ['entries missing from an empty tree', 'log.example\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n'],
  ])('is refused with %s, though it is signed', (_, text) => {
    expect(parseCheckpoint(text)).toBeNull();
    if (text.endsWith('\n')) expect(openCheckpoint(signNote(text, signer), known).ok).toBe(false);
  });

  it('is its log’s own: a known key of another name does not make it one', () => {
    const stranger = createNoteSigner('elsewhere.example', generateNoteKey());
    const note = signNote(formatCheckpoint(checkpoint), stranger);
    expect(openCheckpoint(note, [stranger.verifier])).toEqual({ ok: false, reason: 'checkpoint.not_by_log' });
  });

  it('shows which known witnesses cosigned it, and when', () => {
    const witness = createWitness('witness.example/w1');
    const text = formatCheckpoint(checkpoint);
    const note = checkpoint.note + witness.line(text, 1_679_315_147);
    const opened = openCheckpoint(note, [...known, witness.verifier]);
    expect(opened.ok && opened.cosignatures.map(({ time }) => time)).toEqual([1_679_315_147]);
    // A witness vouches for what a log signed; alone it makes no checkpoint.
    expect(openCheckpoint(note, [witness.verifier])).toEqual({ ok: false, reason: 'checkpoint.not_by_log' });
    const forged = checkpoint.note + witness.line(text.replace('\n7\n', '\n8\n'), 1_679_315_147);
    expect(openCheckpoint(forged, [...known, witness.verifier]).ok).toBe(false);
  });
});
