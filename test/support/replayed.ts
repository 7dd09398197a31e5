import { Replay, type ReplayReport } from '#shared/control';
import { encodeEntry, type LedgerEntry } from '#shared/ledger';
import { createListChecker } from '../../services/cli/audit/list-checks.ts';
import type { TestService } from './test-service.ts';

type Replayed = Pick<TestService, 'ledger'> & Partial<Pick<TestService, 'keptLists'>>;

/** Replays the whole ledger of a service, as an auditor does. */
export async function replayOf(of: Replayed): Promise<ReplayReport> {
  return replayOfEntries(await entriesOf(of), of.keptLists);
}

/** All entries of a ledger, as they were written. */
export async function entriesOf({ ledger }: Pick<TestService, 'ledger'>): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  for await (const { entry } of ledger.entries()) entries.push(entry);
  return entries;
}

/** Replays entries, whoever wrote them. @param keptLists folder of the revocation lists that were in use */
export async function replayOfEntries(
  entries: readonly LedgerEntry[],
  keptLists?: string,
): Promise<ReplayReport> {
  const replay = new Replay(
    undefined,
    undefined,
    keptLists === undefined ? undefined : createListChecker(keptLists),
  );
  await replay.take(entries.map(encodeEntry), 0);
  return replay.report();
}
