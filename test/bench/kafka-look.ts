/** A look into a running engine that leaves its process free: `Database.rows` begins a query on its thread. */
export interface Look {
  rows<Row>(query: string): Promise<Row[]>;
  close(): void;
}

/** @param folder the engine's, open in this process: it is the store that loads the engine, in its own way */
export async function openLook(folder: string): Promise<Look> {
  const { Session } = await import('chdb');
  const session = new Session(folder);
  return {
    async rows<Row>(query: string) {
      const result = await session.queryAsync(query, { format: 'JSONEachRow' });
      const lines = Buffer.from(result.bytes()).toString('utf8').split('\n');
      return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row);
    },
    close: () => session.close(),
  };
}
