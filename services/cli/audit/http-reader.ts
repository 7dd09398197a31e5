import {
  checkpointPath,
  encodeBundle,
  isLedgerPath,
  LedgerError,
  type LedgerReader,
  parseTilePath,
  type TileName,
} from '#shared/ledger';
import type { ApiClient } from '../api-client.ts';
import { clientLimits } from '../http-answer.ts';
import { streamEntries } from './entry-stream.ts';

/** Entries of a full bundle (C2SP tlog-tiles). */
const bundleEntries = 256;

/**
 * Reads a ledger from a service: checkpoint and hash tiles as anyone can, entries as an auditor. Entries that
 * are asked for in their order come in long streams, because every signed reading becomes an entry of the
 * ledger itself, behind the checkpoint that is being verified.
 */
export function httpLedgerReader(anyone: ApiClient, auditor: ApiClient): LedgerReader {
  /** Of the checkpoint that was read last. */
  let size = 0;
  let stream: { next: number; readonly entries: AsyncIterator<Uint8Array> } | undefined;

  async function bundle({ index, width }: TileName): Promise<Uint8Array | undefined> {
    const first = index * bundleEntries;
    if (first + width > size) return undefined;
    if (stream?.next !== first) {
      await stream?.entries.return?.();
      stream = { next: first, entries: streamEntries(auditor, first, size) };
    }
    const entries: Uint8Array[] = [];
    while (entries.length < width) {
      const { done, value } = await stream.entries.next();
      if (done === true) return undefined;
      entries.push(value);
    }
    stream.next += width;
    return encodeBundle(entries);
  }

  return {
    read: async (path) => {
      const tile = parseTilePath(path);
      if (!isLedgerPath(path)) {
        throw new LedgerError('ledger.bad_path', 'This is no path of a ledger.');
      }
      if (tile?.level === 'entries') return bundle(tile);
      const bytes = await anyone.getBytes(`/ledger/${path}`, clientLimits.ledgerFileBytes);
      if (path === checkpointPath) size = statedSize(bytes);
      return bytes;
    },
  };
}

/** The size that a checkpoint states, believed for no more than how much to ask for. */
export function statedSize(checkpoint: Uint8Array | undefined): number {
  const [, line = ''] = Buffer.from(checkpoint ?? [])
    .toString('utf8')
    .split('\n', 2);
  return /^\d{1,15}$/.test(line) ? Number(line) : 0;
}
