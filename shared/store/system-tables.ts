import type { z } from 'zod';
import type { Database, StoreQuery } from './database.ts';
import { StoreError } from './errors.ts';
import { nameSchema, type StoreTopology } from './migrations-topology.ts';

/** The engine's own account of the tables' files, over all replicas and shards. */
export interface SystemTables {
  /** Rows of a statement over system tables, checked. */
  rows<T>(text: string, schema: z.ZodType<T>): Promise<T[]>;
  /** A system table as a statement names it, so that what another shard or replica has is seen. */
  everywhere(table: string): string;
  /** For a statement that changes every shard: one replica tells the others, shards know nothing of each other. */
  readonly onCluster: string;
  /** `_local` where the plain names are those of Distributed tables. */
  readonly local: string;
  readonly database: string;
}

/** @param options.topology as it was given to the migrations */
export function systemTables(
  connection: Database,
  options: { readonly database: string; readonly topology?: StoreTopology },
): SystemTables {
  const { topology = { topology: 'single' } } = options;
  const { cluster } = topology;
  return {
    database: nameSchema.parse(options.database),
    local: topology.topology === 'sharded' ? '_local' : '',
    onCluster: topology.topology === 'sharded' ? ` ON CLUSTER '${cluster}'` : '',
    everywhere: (table) => (cluster === undefined ? table : `clusterAllReplicas('${cluster}', ${table})`),
    async rows(text, schema) {
      const query: StoreQuery = { text: `${text}\nSETTINGS log_queries = 0`, parameters: {} };
      const found = [];
      for await (const group of connection.rows(query)) {
        for (const row of group) {
          const parsed = schema.safeParse(row);
          if (!parsed.success)
            throw new StoreError('store.row_invalid', 'A system table gave an unexpected row');
          found.push(parsed.data);
        }
      }
      return found;
    },
  };
}
