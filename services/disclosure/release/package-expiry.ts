import type { ControlState, DisclosureState } from '#shared/control';
import type { Logger } from '#shared/runtime';
import type { ControlPlane } from '../control/control-plane.ts';
import type { PackageFolder } from './packages.ts';

/** How long a released package can be fetched. An officer who was ill still has a month. */
export const packageWindowMs = 30 * 86_400_000;
/** What it may be there after that, before it counts as left behind. */
const graceMs = 86_400_000;

/** Packages whose time is over, and what became of them. */
export interface PackageExpiry {
  /** Removes them, and records it. Repeatable; a fault leaves the rest for the next time. */
  run(): Promise<void>;
  /** How many are still there a day after their time, by the ledger's account. */
  left(): number;
}

/**
 * The package goes first and the entry comes after it, so that no entry says of a package that is there that it
 * is gone; a crash between the two is made good by the next look, which finds none and records that.
 */
export function createPackageExpiry(deps: {
  readonly control: ControlPlane;
  readonly packages: PackageFolder;
  readonly logger: Logger;
}): PackageExpiry {
  const { control, packages, logger } = deps;

  async function remove({ disclosureId }: DisclosureState): Promise<void> {
    // One that is damaged goes, too.
    const archive = await packages.open(disclosureId).catch(() => null);
    const bytes = archive?.bytes ?? 0;
    await packages.remove(disclosureId);
    await control.transact((state, at) => {
      const isRecorded = state.disclosures.get(disclosureId)?.packageRemovedAt !== undefined;
      const by = { at, actor: { service: 'disclosure' }, subject: disclosureId };
      return {
        entries: isRecorded ? [] : [{ ...by, kind: 'retention.package_removed', details: { bytes } }],
        result: undefined,
      };
    });
    logger.info({ disclosureId, bytes }, 'package removed: its time was over');
  }

  return {
    async run() {
      for (const disclosure of pastTheirTime(control.state, 0)) await remove(disclosure);
    },
    left: () => pastTheirTime(control.state, graceMs).length,
  };
}

/**
 * By the time that the ledger bears out and not by the wall clock, which may be wrong: a package that went
 * too early could be made again only while its records are there.
 */
function pastTheirTime(state: Readonly<ControlState>, graceFor: number): DisclosureState[] {
  const now = Date.parse(state.believedAt);
  return [...state.disclosures.values()].filter(
    ({ released, packageRemovedAt }) =>
      released !== undefined &&
      packageRemovedAt === undefined &&
      Date.parse(released.at) + packageWindowMs + graceFor <= now,
  );
}
