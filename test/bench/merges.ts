import type { Database } from '#shared/store';

const everyMs = 200;
const mostMs = 60_000;

/** Waits until nothing is merged: what a filling left would be in the first times, and in no later ones. */
export async function untilMerged(database: Database): Promise<void> {
  const query = { text: 'SELECT count() AS merging FROM system.merges', parameters: {} };
  for (let waited = 0; waited < mostMs; waited += everyMs) {
    for await (const [row] of database.rows(query)) {
      if (Number((row as { readonly merging: unknown }).merging) === 0) return;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
