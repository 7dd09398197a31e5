import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReleasedRecord } from '#shared/traffic';
import { PartCutter } from '../../../shared/disclosure-package/package-thread/parts.ts';

/** Lines as they left the check, this many to a piece. */
function* pieces(records: readonly ReleasedRecord[], perPiece: number) {
  for (let at = 0; at < records.length; at += perPiece) {
    const lines = records
      .slice(at, at + perPiece)
      .map((record) => Buffer.from(`${JSON.stringify(record)}\n`));
    const ends = lines.map((_, index) => Buffer.concat(lines.slice(0, index + 1)).length);
    yield { bytes: Buffer.concat(lines), ends };
  }
}

async function split(records: readonly ReleasedRecord[], maxBytes: number, perPiece = 7): Promise<Buffer[]> {
  const parts: Buffer[] = [];
  let open: Uint8Array[] | null = null;
  const cutter = new PartCutter(maxBytes, {
    async begin() {
      expect(open).toBeNull();
      open = [];
    },
    add: (bytes) => void open?.push(bytes),
    end(count) {
      const part = Buffer.concat(open ?? []);
      expect(part.toString().split('\n')).toHaveLength(count + 1);
      parts.push(part);
      open = null;
    },
  });
  for (const piece of pieces(records, perPiece)) await cutter.take(piece);
  cutter.end();
  expect(open).toBeNull();
  return parts;
}

describe('records cut into parts', () => {
  const anyRecord = fc.record({
    senderAddress: fc.string({ maxLength: 40, unit: 'binary' }),
    sizeOctets: fc.nat(),
  });

  it('are all there, once, in order; each part is whole lines, not empty and within its bound', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyRecord, { maxLength: 60 }),
        fc.integer({ min: 300, max: 2000 }),
        fc.integer({ min: 1, max: 60 }),
        async (list, max, perPiece) => {
          const parts = await split(list, max, perPiece);
          expect(parts.every((part) => part.length > 0 && part.length <= max && part.at(-1) === 10)).toBe(
            true,
          );
          const lines = parts.flatMap((part) => part.toString().split('\n').slice(0, -1));
          expect(lines).toEqual(list.map((record) => JSON.stringify(record)));
        },
      ),
    );
  });

  it('fill each part: the first record of a part had no room in the one before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRecord, { minLength: 2, maxLength: 60 }), async (list) => {
        const parts = await split(list, 600);
        for (const [index, part] of parts.slice(1).entries()) {
          const firstLine = part.indexOf(10) + 1;
          expect((parts[index]?.length ?? 0) + firstLine).toBeGreaterThan(600);
        }
      }),
    );
  });

  it('fit a part to the last byte', async () => {
    const record = { senderAddress: 'a@b.nl' };
    const line = JSON.stringify(record).length + 1;
    expect(await split([record, record], 2 * line)).toHaveLength(1);
    expect(await split([record, record], 2 * line - 1)).toHaveLength(2);
    expect(await split([record], line)).toHaveLength(1);
    await expect(split([record], line - 1)).rejects.toMatchObject({ code: 'package.record_too_large' });
  });
});
