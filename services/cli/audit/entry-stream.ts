import { TransformStream } from 'node:stream/web';
import { maxEntryBytes } from '#shared/ledger';
import type { ApiClient } from '../api-client.ts';
import { unavailable } from '../errors.ts';

/** Entries that one signed reading gives at most; the service's own bound. */
const entriesPerReading = 65_536;
const lengthBytes = 2;

/**
 * The leaves from `first` up to and without `end`, as they come: each behind its length as a big-endian
 * uint16, as in an entry bundle. One signed reading for each 65,536 of them.
 * @throws CliError where fewer came than were asked for.
 */
export async function* streamEntries(
  auditor: ApiClient,
  first: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  for (let at = first; at < end; ) {
    const to = Math.min(at + entriesPerReading, end);
    for await (const entry of splitEntries(chunksOf(auditor, `/v1/ledger/entries/${at}/${to}`))) {
      if (at === to) break;
      yield entry;
      at++;
    }
    if (at < to) throw unavailable('service.unexpected_answer', 'the service gave fewer entries than it has');
  }
}

async function* splitEntries(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    let offset = 0;
    while (rest.length - offset >= lengthBytes) {
      const end = offset + lengthBytes + rest.readUInt16BE(offset);
      if (end > rest.length) break;
      yield rest.subarray(offset + lengthBytes, end);
      offset = end;
    }
    rest = rest.subarray(offset);
  }
  if (rest.length > 0) throw unavailable('service.unexpected_answer', 'the service ended within an entry');
}

/** The client's download as something to pull from: a chunk is taken only once the one before was used. */
async function* chunksOf(client: ApiClient, path: string): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const done = client.download(path, async (chunk) => {
    for (let at = 0; at < chunk.length; at += maxEntryBytes) {
      await writer.write(chunk.subarray(at, at + maxEntryBytes));
    }
  });
  const ended = done.then(
    () => writer.close(),
    (error: unknown) => writer.abort(error),
  );
  ended.catch(() => {});
  yield* readable;
}
