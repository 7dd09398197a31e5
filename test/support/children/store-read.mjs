// Opens the embedded store in the folder given and prints, as one JSON line, the source positions of all
// events that a disclosure about alice@example.nl would see. Run from the built project.
import { createTrafficStore, defaultRetention, openEmbeddedDatabase } from '#shared/store';
import { categoryIds } from '#shared/traffic';

const database = await openEmbeddedDatabase({ folder: process.argv[2] });
const store = createTrafficStore(database, { retention: defaultRetention });
const scope = {
  targets: [{ kind: 'address', value: 'alice@example.nl' }],
  from: '2000-01-01T00:00:00.000Z',
  to: '2100-01-01T00:00:00.000Z',
  categories: categoryIds,
  collectedUpTo: '2100-01-01T00:00:00.000Z',
};
const positions = [];
for await (const events of store.readScope(scope, { now: Date.now() })) {
  positions.push(...events.map((event) => event.sourcePosition));
}
await store.close();
process.stdout.write(`${JSON.stringify(positions)}\n`);
