import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter, type SplitLine } from '../../../../services/collector/sources/line-splitter.ts';

/** Lines cut from the whole at once: what the splitter must give however the bytes come. */
function reference(bytes: Buffer, maxBytes: number): SplitLine[] {
  const lines: SplitLine[] = [];
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline === -1 ? bytes.length : newline;
    const raw = bytes.subarray(start, end);
    let first = 0;
    while (first < raw.length && raw[first] === 0) first++;
    const bare = raw.subarray(first, raw.length > first && raw.at(-1) === 0x0d ? -1 : undefined);
    const text = bare.toString('utf8');
    if (raw.length > maxBytes) lines.push({ offset: start, text: '', problem: 'line.too_long' });
    else if (Buffer.from(text, 'utf8').equals(bare)) lines.push({ offset: start, text });
    else lines.push({ offset: start, text, problem: 'line.not_utf8' });
    start = end + 1;
  }
  return lines;
}

describe('the line splitter', () => {
  it('gives the same lines at the same places, however the bytes come and however many are taken', () => {
    const byte = fc.constantFrom(0x0a, 0x0a, 0x0d, 0x00, 0x61, 0xc3, 0xa9);
    fc.assert(
      fc.property(
        fc.array(byte, { maxLength: 80 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 10 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 12 }),
        (content, sizes, max, maxBytes) => {
          const bytes = Buffer.from(content);
          const splitter = new LineSplitter(0, maxBytes);
          const lines: SplitLine[] = [];
          const takeAll = () => {
            for (let taken = splitter.take(max); taken.length > 0; taken = splitter.take(max))
              lines.push(...taken);
          };
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length] ?? 1;
            splitter.push(bytes.subarray(at, at + size));
            at += size;
            takeAll();
            expect(splitter.endOffset).toBe(Math.min(at, bytes.length));
            const last = lines.at(-1);
            expect(splitter.nextOffset).toBe(last === undefined ? 0 : bytes.indexOf(0x0a, last.offset) + 1);
          }
          const tail = splitter.takeTail();
          if (tail !== undefined) lines.push(tail);
          expect(lines).toEqual(reference(bytes, maxBytes));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
