import type { ReleasedLines, ReleasedRecord } from '#shared/traffic';

/** Records as the store gives them to be released, some to a piece. */
export function releasedLines(records: readonly ReleasedRecord[]): ReleasedLines {
  const lines = records.map((record) => Buffer.from(`${JSON.stringify(record)}\n`));
  let end = 0;
  return {
    bytes: Buffer.concat(lines),
    ends: lines.map((line) => {
      end += line.length;
      return end;
    }),
    types: records.map(({ type }) => type ?? 'message.delivered'),
    origins: records.map(({ sourceId = '', collectedAt = '' }) => ({
      sourceId,
      day: collectedAt.slice(0, 10),
    })),
  };
}

/** The same as a stream, in pieces of this many. */
export async function* inPieces(
  records: Iterable<ReleasedRecord>,
  perPiece = 7,
): AsyncGenerator<ReleasedLines> {
  let piece: ReleasedRecord[] = [];
  for (const record of records) {
    piece.push(record);
    if (piece.length < perPiece) continue;
    yield releasedLines(piece);
    piece = [];
  }
  if (piece.length > 0) yield releasedLines(piece);
}
