/** What a person can do about a statement of a migration that the engine refused, by ClickHouse's code. */
const advice: Readonly<Record<string, string>> = {
  '62': 'the server does not know a part of the statement: it must be ClickHouse 25.3 or newer',
  '80': 'the server does not know a part of the statement: it must be ClickHouse 25.3 or newer',
  '81': 'the database is not there: apply makes it, with a user who may create databases',
  '115': 'the server does not know a setting: it must be ClickHouse 25.3 or newer',
  '122': 'a table of this name has other columns: was it made by something else? Use a database of its own',
  '139':
    'the server’s configuration lacks something that replication needs: macros shard and replica, interserver_https_port, keeper (infra/clickhouse/config.d)',
  '159': 'a host of the cluster did not answer in time: see that all of them are up, then apply again',
  '170': 'no cluster of that name is in the server’s remote_servers: see CLICKHOUSE_CLUSTER',
  '193': 'the server does not take this user with this password',
  '225': 'the server is configured without ClickHouse Keeper, which replicated tables need',
  '242': 'the table is read only for now: is ClickHouse Keeper there, and are the macros set?',
  '243': 'the disk is full: free some space, then apply again',
  '253':
    'another host has the same macros shard and replica, or the table was dropped a moment ago: give each host its own replica, or wait eight minutes',
  '392': 'the server has no distributed_ddl: configure it (infra/clickhouse/config.d), or ClickHouse Keeper',
  '497':
    'this user may not do that: migrations are applied as griffie_owner (infra/clickhouse/users.d), not as a service',
  '516': 'the server does not take this user with this password',
  '517': 'another change of the table is going on: wait for it, then apply again',
  '519': 'not every replica took the change in time; those that are away take it when they come back',
  '701': 'no cluster of that name is in the server’s remote_servers: see CLICKHOUSE_CLUSTER',
  '999': 'ClickHouse Keeper cannot be reached from the server',
};

/** @returns null for what we have no better word on than the code */
export function adviceFor(engineCode: string | undefined): string | null {
  return (engineCode === undefined ? undefined : advice[engineCode]) ?? null;
}
