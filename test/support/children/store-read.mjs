// Opens the embedded store in the folder given and prints, as one JSON line, the source positions of all
// events that a disclosure about alice@example.nl would see. With a folder of keys and a clock reading too, the
// store is on its encrypted disk. Run from the built project.
import {
  createTrafficStore,
  defaultRetention,
  openEmbeddedDatabase,
  openEncryptedDatabase,
} from '#shared/store';
import { categoryIds } from '#shared/traffic';

const [folder, keyFolder, time] = process.argv.slice(2);
const now = time === undefined ? Date.now() : Number(time);
const database =
  keyFolder === undefined
    ? await openEmbeddedDatabase({ folder })
    : (await openEncryptedDatabase({ folder, keyFolder, now })).database;
const store = createTrafficStore(database, { retention: defaultRetention });
const scope = {
  targets: [{ kind: 'address', value: 'alice@example.nl' }],
  from: '2000-01-01T00:00:00.000Z',
  to: '2100-01-01T00:00:00.000Z',
  categories: categoryIds,
  collectedUpTo: '2100-01-01T00:00:00.000Z',
};
const positions = [];
for await (const events of store.readScope(scope, { now })) {
  positions.push(...events.map((event) => event.sourcePosition));
}
await store.close();
process.stdout.write(`${JSON.stringify(positions)}\n`);
