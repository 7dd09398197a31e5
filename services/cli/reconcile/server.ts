import { type DayFigures, type DayRange, readDays } from '#services/retention';
import {
  assertMigrated,
  createPartitions,
  createSourceDays,
  type Database,
  NotMigratedError,
  openConfiguredServer,
  StoreError,
} from '#shared/store';
import { refused, unavailable } from '../errors.ts';
import type { StoreSettings } from '../store/settings.ts';

/** ClickHouse's ACCESS_DENIED. */
const accessDenied = '497';

/**
 * The figures of days as they are at this moment, from the tables of a ClickHouse server. Takes the rights of
 * `griffie_retention` (infra/clickhouse/users.d), and reads no record.
 * @param now milliseconds since the epoch
 * @throws {CliError} with what the person can do
 */
export async function serverDays(
  { server, tables: topology, retention: period }: Extract<StoreSettings, { readonly kind: 'server' }>,
  range: DayRange,
  now: number,
): Promise<DayFigures[]> {
  let database: Database | undefined;
  try {
    database = await openConfiguredServer(server);
    // Tables of another version, or another period, would give other sums.
    await assertMigrated(database, period);
    const held = await createPartitions(database, { database: server.database, topology }).list();
    return await readDays(createSourceDays(database), held, { range, now, period });
  } catch (error) {
    if (error instanceof NotMigratedError) throw refused(error.code, error.message);
    if (!(error instanceof StoreError)) throw error;
    if (error.code === 'store.unavailable') throw unavailable(error.code, error.message);
    const advice =
      error.engineCode === accessDenied ? ': sums are taken as griffie_retention, who may count' : '';
    throw refused(error.code, `${error.message}${advice}`);
  } finally {
    await database?.close();
  }
}
