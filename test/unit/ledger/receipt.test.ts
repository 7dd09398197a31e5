import { describe, expect, it } from 'vitest';
import {
  createLedger,
  createNoteSigner,
  encodeEntry,
  generateNoteKey,
  parseReceipt,
  verifyReceipt,
} from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';
import { entriesOf } from '../../support/ledger-entries.ts';

const signer = createNoteSigner('log.example/griffie', generateNoteKey());
const ledger = await createLedger({ storage: createMemoryStorage(), signer });
const entries = entriesOf(13);
await ledger.append(entries);
const leaves = entries.map(encodeEntry);
const leaf = leaves[5] ?? Buffer.alloc(0);
const receipt = await ledger.inclusionReceipt(5);
const known = [signer.verifier];

describe('a receipt', () => {
  it('is a C2SP tlog-proof, and proves its entry’s place', () => {
    const lines = receipt.split('\n');
    expect(lines[0]).toBe('c2sp.org/tlog-proof@v1');
    expect(lines[1]).toBe(`extra ${Buffer.from(leaf).toString('base64')}`);
    expect(lines[2]).toBe('index 5');
    expect(lines[7]).toBe('');
    expect(lines.slice(8, 10)).toEqual(['log.example/griffie', '13']);
    expect(verifyReceipt(receipt, leaf, known)).toMatchObject({
      ok: true,
      index: 5,
      checkpoint: { size: 13 },
    });
  });

  it('carries its entry, so that it can be verified without the ledger', () => {
    expect(Buffer.compare(parseReceipt(receipt)?.extra ?? Buffer.of(), leaf)).toBe(0);
  });

  it('of every entry verifies for that entry and no other', async () => {
    for (let index = 0; index < leaves.length; index++) {
      const own = await ledger.inclusionReceipt(index);
      for (const [i, bytes] of leaves.entries())
        expect(verifyReceipt(own, bytes, known).ok).toBe(i === index);
    }
  });

  it('may carry other extra data or none, for that proves nothing', () => {
    const bare = receipt.replace(/\nextra .*/, '');
    expect(parseReceipt(bare)).not.toHaveProperty('extra');
    expect(verifyReceipt(bare, leaf, known).ok).toBe(true);
    const other = bare.replace('\nindex', '\nextra AAAA\nindex');
    expect(verifyReceipt(other, leaf, known).ok).toBe(true);
    expect(verifyReceipt(other, Buffer.from(parseReceipt(other)?.extra ?? []), known).ok).toBe(false);
    for (const extra of ['extra A', 'extra', 'extra AAAA\nextra AAAA', 'Extra AAAA']) {
      expect(parseReceipt(bare.replace('\nindex', `\n${extra}\nindex`))).toBeNull();
    }
  });

  it('does not verify with a character missing, doubled or changed anywhere', () => {
    const bare = receipt.replace(/\nextra .*/, '');
    for (let at = 0; at < bare.length; at++) {
      const [before, character, after] = [bare.slice(0, at), bare.charAt(at), bare.slice(at + 1)];
      for (const middle of ['', character + character, character === '4' ? '5' : '4']) {
        expect(verifyReceipt(before + middle + after, leaf, known).ok, `at ${at}`).toBe(false);
      }
    }
  });

  it('does not verify with another log’s key, and says why', () => {
    const stranger = createNoteSigner('log.example/griffie', generateNoteKey());
    expect(verifyReceipt(receipt, leaf, [stranger.verifier])).toEqual({ ok: false, reason: 'note.unsigned' });
    expect(verifyReceipt('receipt', leaf, known)).toEqual({ ok: false, reason: 'receipt.malformed' });
    expect(verifyReceipt(receipt, Buffer.from('other'), known)).toEqual({
      ok: false,
      reason: 'receipt.wrong_entry',
    });
  });
});
