import { setTimeout } from 'node:timers/promises';
import type { EntryFilter } from '#shared/control';
import { checkpointPath } from '#shared/ledger';
import type { ApiClient } from '../api-client.ts';
import { clientLimits } from '../http-answer.ts';
import type { EntrySource, FoundEntry } from './entry-source.ts';
import { statedSize } from './http-reader.ts';

export interface FollowOptions {
  readonly filter: EntryFilter;
  /** Milliseconds between two looks at the checkpoint. */
  readonly intervalMs: number;
  readonly signal: AbortSignal;
}

const pageItems = 1000;

/**
 * New entries as they come, until `signal`. Looks at the public checkpoint, which leaves no trace, and reads
 * only when somebody else has written: a reading is an entry itself, and must not be the cause of the next.
 */
export async function* follow(
  anyone: ApiClient,
  source: EntrySource,
  { filter, intervalMs, signal }: FollowOptions,
): AsyncGenerator<FoundEntry> {
  const sizeNow = async (): Promise<number> =>
    statedSize(await anyone.getBytes(`/ledger/${checkpointPath}`, clientLimits.ledgerFileBytes));
  /** Indexes of these readings themselves. */
  const own = new Set<number>();
  let next = await sizeNow();
  while (!signal.aborted) {
    if ((await sizeNow()) > next) {
      const page = await source.page(filter, next, pageItems);
      own.add(page.size - 1);
      yield* page.items.filter(({ index }) => !own.delete(index));
      next = page.next ?? page.size;
      if (page.next !== null) continue;
    }
    await pause(intervalMs, signal);
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await setTimeout(milliseconds, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
