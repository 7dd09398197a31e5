import type { CaseFiles } from '#shared/case-files';
import { erasedOrders } from '#shared/control';
import { codeOf, type Logger } from '#shared/runtime';
import type { ControlPlane } from './control-plane.ts';

/** Does what the ledger says of cases that are to be gone. */
export interface CaseErasure {
  /** Destroys the case of an order whose erasure is in the ledger. @returns false where that must be tried again */
  run(orderId: string): Promise<boolean>;
  /** The same for every such order: after a crash between the two, and where a backup brought a case back. */
  resume(): Promise<void>;
}

/**
 * The entry comes first: a case that goes without one would be a loss that nobody answers for. What the
 * entry says is then made true, at once, or by a later look where that fails.
 */
export function createCaseErasure(deps: {
  readonly control: ControlPlane;
  readonly cases: CaseFiles;
  readonly logger: Logger;
}): CaseErasure {
  const { control, cases, logger } = deps;
  async function run(orderId: string): Promise<boolean> {
    try {
      await cases.erase(orderId);
      return true;
    } catch (error) {
      logger.error({ orderId, code: codeOf(error) }, 'an erased case is still there; it is tried again');
      return false;
    }
  }
  return {
    run,
    resume: async () => {
      for (const orderId of erasedOrders(control.state)) await run(orderId);
    },
  };
}
