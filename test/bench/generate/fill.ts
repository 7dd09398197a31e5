import type { Database } from '#shared/store';
import { eventColumns, eventsQuery } from './events.ts';
import { daysOf, type TrafficPlan } from './plan.ts';

/**
 * Fills a table that has the columns of `traffic` with a plan's events, in the engine, a day at a time.
 * @param settings further ones of the inserts, as they stand in a statement.
 */
export async function fillTable(
  database: Pick<Database, 'command'>,
  table: string,
  plan: TrafficPlan,
  options: { readonly progress?: (what: string) => void; readonly settings?: string } = {},
): Promise<void> {
  const days = daysOf(plan);
  for (const [index, day] of days.entries()) {
    await database.command(
      `INSERT INTO ${table} (${eventColumns.join(', ')}) ${eventsQuery(day)}
SETTINGS max_partitions_per_insert_block = 0, max_insert_threads = 2${options.settings ?? ''}`,
    );
    if (index % 10 === 9) options.progress?.(`${index + 1} of ${days.length} days generated`);
  }
}
