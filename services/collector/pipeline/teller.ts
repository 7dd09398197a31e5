import { codeOf, type Logger } from '#shared/runtime';
import type { SourceTally } from '#shared/traffic';
import type { DayTallies } from './day-tallies.ts';

/** Takes what was counted of sources and days. Durable once resolved; what fails comes again. */
export type Tell = (tallies: readonly SourceTally[]) => Promise<void>;

/** How often what was counted is told. */
const tellEveryMs = 5_000;

/** Tells what a source's checkpoint counted, from time to time, and all of it once after each start. */
export class Teller {
  readonly #tallies: DayTallies;
  readonly #options: TellerOptions;
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(tallies: DayTallies, options: TellerOptions) {
    this.#tallies = tallies;
    this.#options = options;
  }

  /**
   * Never rejects: what is not told now is told with the next. A bus that is away holds up reading no more
   * than it does for events.
   * @param atEnd nothing more will come, so that it is told now.
   */
  async tell(atEnd: boolean): Promise<void> {
    const { tell, config, logger } = this.#options;
    if (tell === undefined || (!atEnd && performance.now() < this.#nextAt)) return;
    const tallies = this.#tallies.untold();
    if (tallies.length === 0) return;
    this.#nextAt = performance.now() + tellEveryMs;
    try {
      await tell(tallies);
      this.#tallies.told(tallies);
    } catch (error) {
      logger.warn({ source: config.id, code: codeOf(error) }, 'what was counted could not be told yet');
    }
  }
}

interface TellerOptions {
  readonly config: { readonly id: string };
  readonly tell?: Tell | undefined;
  readonly logger: Logger;
}
