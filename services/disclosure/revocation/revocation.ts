import { findOnList, type JudgedList, judgeList, type ListRefusal } from '#shared/certificates';
import {
  type AnyControlEntry,
  type ControlState,
  certificatesUnder,
  decideList,
  type ListRule,
  revokedBy,
  type TakenList,
} from '#shared/control';
import { type Clock, codeOf, type Logger, utc } from '#shared/runtime';
import type { ControlPlane } from '../control/control-plane.ts';
import { type ListFigures, listFigures } from './figures.ts';
import type { KeptLists } from './kept-lists.ts';
import { type FoundLists, fingerprint, readLists } from './read-lists.ts';
import type { RevocationSettings } from './settings.ts';

/** How often what was refused is looked at again, though its file did not change: a clock may be behind. */
const refusedAgainMs = 300_000;

type Refusal = ListRefusal | ListRule;

/** Takes the operator's revocation lists into use, and says how they stand. */
export interface Revocation {
  /** One look. Repeatable: a list that is in use is not taken again. Never fails; what is wrong is told. */
  run(): Promise<void>;
  figures(): ListFigures;
}

/** @param deps `settings`: null where no lists are asked */
export function createRevocation(deps: {
  readonly settings: RevocationSettings | null;
  readonly anchors: readonly Uint8Array[];
  readonly control: ControlPlane;
  readonly kept: KeptLists;
  readonly clock: Clock;
  readonly logger: Logger;
}): Revocation {
  const { settings, anchors, control, kept, clock, logger } = deps;
  /** What the last look found, for which there is nothing more to do. */
  let seen: { readonly fingerprint: string; readonly at: number } | null = null;
  let refused: readonly string[] = [];
  let told = '';

  async function look({ path }: RevocationSettings): Promise<void> {
    const [now, found] = [clock.now(), await fingerprint(path)];
    const isDone = refused.length === 0 || Math.abs(now - (seen?.at ?? 0)) < refusedAgainMs;
    if (seen?.fingerprint === found && isDone) return;
    const { lists, authorities, unreadable } = await readLists(path);
    const codes: string[] = Array.from({ length: unreadable }, () => 'revocation_list.unreadable');
    for (const der of lists) {
      const code = await take(der, authorities);
      if (code !== null) codes.push(code);
    }
    refused = codes;
    seen = { fingerprint: found, at: now };
    for (const code of new Set(codes)) logger.error({ code }, 'a revocation list is not taken into use');
  }

  /** @returns why it was not; null where it is in use now */
  async function take(der: Uint8Array, authorities: FoundLists['authorities']): Promise<Refusal | null> {
    const result = await judgeList(der, authorities, anchors, utc(clock.now()));
    if (!result.ok) return result.code;
    const { judged } = result;
    const first = decideList(control.state, detailsOf(judged), utc(clock.now()));
    const isInUse = !first.ok && first.code === 'revocation_list.in_use';
    if (!first.ok && !isInUse) return first.code;
    // Before the entry, so that what the ledger names is there; and again, should it have been lost.
    await kept.keep(judged, der);
    if (isInUse) return null;
    // Outside the step, which all requests wait for; what came in between is looked for in it.
    const looked = certificatesUnder(control.state, judged.authority);
    const found = await findOnList(judged, looked);
    const { result: refusal } = await control.transact<Refusal | null>(async (state, at) => {
      const rule = decideList(state, detailsOf(judged), at);
      if (!rule.ok) return { entries: [], result: rule.code };
      const since = [...certificatesUnder(state, judged.authority)].filter((id) => !looked.has(id));
      const all = new Map([...found, ...(await findOnList(judged, new Set(since)))]);
      return { entries: entriesOf(state, judged, all, at), result: null };
    });
    // Another replica was quicker with the same one.
    if (refusal === 'revocation_list.in_use') return null;
    if (refusal !== null) return refusal;
    logger.info({ count: judged.list.revoked.size }, 'a revocation list is in use');
    return null;
  }

  /** Once for each change: a list that runs out, or should be there and is not. */
  function tellStanding({ warnHours }: RevocationSettings): void {
    const { runsOut, stale, missing } = figuresNow();
    const standing = JSON.stringify([runsOut, stale, missing, warnHours]);
    if (standing === told) return;
    told = standing;
    if (runsOut > 0)
      logger.warn(
        { code: 'revocation_list.runs_out', count: runsOut },
        'revocation lists in use run out soon',
      );
    if (stale > 0)
      logger.error({ code: 'revocation_list.stale', count: stale }, 'revocation lists in use have run out');
    if (missing > 0)
      logger.error(
        { code: 'revocation_list.missing', count: missing },
        'there is no revocation list of authorities that must have one',
      );
  }

  const figuresNow = (): ListFigures =>
    listFigures(control.state, { at: clock.now(), warnHours: settings?.warnHours ?? 0, refused });

  return {
    run: async () => {
      if (settings === null) return;
      try {
        await look(settings);
      } catch (error) {
        // What is in use stays in use until it runs out.
        if (seen !== null || refused.length === 0)
          logger.error({ code: codeOf(error) }, 'revocation lists could not be read; it is tried again');
        seen = null;
        refused = [
          error instanceof Error && 'syscall' in error ? 'revocation_list.unreadable' : codeOf(error),
        ];
      }
      tellStanding(settings);
    },
    figures: figuresNow,
  };
}

function entriesOf(
  state: ControlState,
  judged: JudgedList,
  found: Parameters<typeof revokedBy>[2],
  at: string,
): AnyControlEntry[] {
  const details = detailsOf(judged);
  return revokedBy(state, details, found).map((part) => ({
    kind: 'revocation_list.taken',
    at,
    actor: { service: 'disclosure' },
    details: { ...details, ...part, revoked: [...part.revoked] },
  }));
}

function detailsOf({ list, authority, certificates }: JudgedList): TakenList {
  const { sha256, bytes, number, thisUpdate, nextUpdate, revoked } = list;
  return {
    authority,
    certificates: [...certificates],
    sha256,
    bytes,
    entries: revoked.size,
    number,
    thisUpdate,
    nextUpdate,
    revoked: [],
  };
}
