import { Replay, type ReplayReport } from '#shared/control';
import { encodeEntry } from '#shared/ledger';
import type { TestService } from './test-service.ts';

/** Replays the whole ledger of a service, as an auditor does. */
export async function replayOf({ ledger }: Pick<TestService, 'ledger'>): Promise<ReplayReport> {
  const replay = new Replay();
  const leaves: Uint8Array[] = [];
  for await (const { entry } of ledger.entries()) leaves.push(encodeEntry(entry));
  await replay.take(leaves, 0);
  return replay.report();
}
