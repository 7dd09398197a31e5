import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, BenchOptions } from './bench.ts';
import { runModule, withFolder } from './child.ts';
import type { EngineReport } from './peers/engine-child.ts';
import type { FillReport } from './peers/fill-child.ts';
import { lookUpAll } from './peers/found.ts';
import { compress, findLines } from './peers/logs.ts';
import { findPostgres, startPostgres } from './peers/postgres.ts';
import { agree, type Measured, resultOf, type Way } from './peers/result.ts';

/*
 * An address looked up in six months of the same events, kept in the ways that an operator would think of:
 * log files and zgrep, PostgreSQL with an index for each identifier, a ClickHouse table in the order of time,
 * and Griffie's. Each lookup is of an address that was not asked for before, from an empty cache.
 */

/** Days that are over and not expired. */
const sizes = { full: { events: 1_000_000, days: 180 }, quick: { events: 10_000, days: 4 } };
/** Data grow as time goes by: the same host after a hundredth of these days, a tenth, all. */
const shares = { full: [0.01, 0.1, 1], quick: [1] };
/** Each is some hundredths of all events: three are enough. */
const maxFrequent = 3;

export const lookupPeers: Bench = {
  name: 'lookup-peers',
  title: 'Lookup of an address: zgrep, PostgreSQL, a plain ClickHouse table, Griffie',
  hasQuick: true,
  async run(options) {
    const { events, days } = options.quick ? sizes.quick : sizes.full;
    const measured: Measured[] = [];
    for (const share of options.quick ? shares.quick : shares.full) {
      const size = {
        events: Math.round((options.events ?? events) * share),
        days: Math.ceil(days * share),
      };
      measured.push(await withFolder((folder) => measure(folder, size, options)));
    }
    return resultOf(measured);
  },
};

async function measure(
  folder: string,
  { events, days }: { events: number; days: number },
  { rounds, progress }: BenchOptions,
): Promise<Measured> {
  const tell = (what: string): void => progress(`${events.toLocaleString('en')} events: ${what}`);
  tell('making them, filling the tables of the engine');
  const fill = runModule<FillReport>(
    'peers/fill-child',
    [folder, ...[events, days, rounds].map(String)],
    'all',
  );
  const wanted = { ...fill.wanted, frequent: fill.wanted.frequent.slice(0, maxFrequent) };
  tell('lookups in the engine');
  const engine = runModule<EngineReport>(
    'peers/engine-child',
    [join(folder, 'engine'), JSON.stringify(wanted)],
    'all',
  );
  tell('compressing the logs');
  const logs = join(folder, 'logs');
  const compressed = compress(logs);
  tell('zgrep');
  const lines = await lookUpAll(wanted, (address, cold) => findLines(logs, address, cold));
  const tables: Way[] = [
    { program: 'Griffie', kept: fill.griffie, lookups: engine.griffie },
    { program: 'ClickHouse in order of time', kept: fill.plain, lookups: engine.plain },
  ];
  const programs = findPostgres();
  if (programs !== null) {
    tell('filling PostgreSQL');
    // The user that runs it goes through here.
    await chmod(folder, 0o711);
    const postgres = await startPostgres(programs, join(folder, 'cluster'));
    try {
      const kept = postgres.load(join(folder, 'events.tsv'), fill.columns);
      tell('lookups in PostgreSQL');
      const lookups = await lookUpAll(wanted, postgres.lookUp);
      tables.push({ program: `PostgreSQL ${programs.version}`, kept, lookups });
    } finally {
      await postgres.stop();
    }
  }
  agree(tables, lines);
  return {
    events: fill.events,
    days,
    ways: [...tables, { program: 'zgrep', kept: compressed, lookups: lines }],
  };
}
