import type { LineSource, ReleasedRecord, StoredLines } from '#shared/traffic';
import { RecordCheck } from '../../shared/disclosure-package/package-thread/record-check.ts';
import type { ReleaseScope } from '../../shared/disclosure-package/package-thread/release-gate.ts';

/** Records as the store gives them to be released, in one slice of all times. */
export function storedLines(records: readonly ReleasedRecord[]): StoredLines {
  const lines = records.map((record) => Buffer.from(`${JSON.stringify(record)}\n`));
  return {
    bytes: Buffer.concat(lines),
    slice: { from: '2000-01-01T00:00:00.000Z', to: '2100-01-01T00:00:00.000Z', expected: records.length },
  };
}

/** The same as a store's answer, in pieces of this many. */
export function inPieces(records: Iterable<ReleasedRecord>, perPiece = 7): LineSource {
  return lineSource(async function* () {
    let piece: ReleasedRecord[] = [];
    for (const record of records) {
      piece.push(record);
      if (piece.length < perPiece) continue;
      yield storedLines(piece);
      piece = [];
    }
    if (piece.length > 0) yield storedLines(piece);
  });
}

/** Of lines that no earlier slice had. */
export function lineSource(lines: () => AsyncGenerator<StoredLines>): LineSource {
  return { [Symbol.asyncIterator]: lines, eventsBefore: async () => new Set() };
}

/** What leaves of a source's lines under a scope: the text of each line. */
export async function linesReleased(source: LineSource, scope: ReleaseScope): Promise<string[]> {
  const check = new RecordCheck(scope, (time, ids) => source.eventsBefore(time, ids));
  const found: string[] = [];
  for await (const stored of source) {
    const { bytes, ends } = await check.pass(stored);
    const piece = Buffer.from(bytes);
    found.push(...ends.map((end, index) => piece.toString('utf8', ends[index - 1] ?? 0, end)));
  }
  return found;
}
