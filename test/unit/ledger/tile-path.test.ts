import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTilePath, tilePath } from '#shared/ledger';
import { decodeBundle, encodeBundle } from '../../../shared/ledger/entry-bundle.ts';

describe('a tile path', () => {
  it('is that of C2SP tlog-tiles', () => {
    expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe('tile/0/x001/x234/067');
    expect(tilePath({ level: 'entries', index: 0, width: 1 })).toBe('tile/entries/000.p/1');
    expect(tilePath({ level: 63, index: 999, width: 255 })).toBe('tile/63/999.p/255');
    expect(tilePath({ level: 1, index: 1000, width: 256 })).toBe('tile/1/x001/000');
  });

  it('is read back as it was written', () => {
    const level = fc.oneof(fc.constant('entries' as const), fc.nat(63));
    fc.assert(
      fc.property(level, fc.maxSafeNat(), fc.integer({ min: 1, max: 256 }), (at, index, width) => {
        const name = { level: at, index, width };
        expect(parseTilePath(tilePath(name))).toEqual(name);
      }),
    );
  });

  it.each([
    'tile/00/000',
    'tile/64/000',
    'tile/0/00',
    'tile/0/x000/001',
    'tile/0/001/002',
    'tile/0/x001',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/000.p/',
    'tile/0/000/',
    '/tile/0/000',
    'tile/0/../../committed',
    'tile/entries/000\n',
    'tile/entries/%2e%2e/000',
    'tile/-1/000',
    'tile/0/x999/x999/x999/x999/x999/x999/999',
    'committed',
    'lock',
    '',
  ])('%j is none', (path) => {
    expect(parseTilePath(path)).toBeNull();
  });

  it('is never read from anything that would be written otherwise', () => {
    const piece = fc.constantFrom(
      'tile',
      '/',
      'entries',
      '0',
      '12',
      'x001',
      '000',
      '.p',
      '..',
      '255',
      '\n',
      'x',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
        const path = pieces.join('');
        const name = parseTilePath(path);
        if (name !== null) expect(tilePath(name)).toBe(path);
      }),
    );
  });
});

describe('an entry bundle', () => {
  const entries = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const decoded = decodeBundle(encodeBundle(list), list.length);
        expect(decoded?.map((bytes) => [...bytes])).toEqual(list.map((bytes) => [...bytes]));
      }),
    );
    expect(encodeBundle([Buffer.from('ab')])).toEqual(Buffer.from([0, 2, 0x61, 0x62]));
    expect(encodeBundle([Buffer.alloc(65_535)]).length).toBe(65_537);
    expect(() => encodeBundle([Buffer.alloc(65_536)])).toThrow('at most 65535 bytes');
  });

  it('is refused when it is cut, has something left over, or another number of entries', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (list, cut) => {
        const bytes = encodeBundle(list);
        if (bytes.length > 0)
          expect(decodeBundle(bytes.subarray(0, cut % bytes.length), list.length)).toBeNull();
        expect(decodeBundle(Buffer.concat([bytes, Uint8Array.of(0)]), list.length)).toBeNull();
        expect(decodeBundle(bytes, list.length + 1)).toBeNull();
      }),
    );
  });
});
