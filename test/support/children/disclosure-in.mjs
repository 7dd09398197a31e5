// The ledger and the disclosure service of a folder, over an engine that is opened beside it: for children of
// tests that need no listener.
import { join } from 'node:path';
import { alarmSettingsSchema, openDisclosure, openInstallation } from '#services/disclosure';
import { silentLogger } from '#shared/runtime';
import { createMigrations, createTrafficStore, defaultRetention, loadMigrations } from '#shared/store';

/** The ledger's lock comes first: `openDatabase` is called once it is held. */
export async function openDisclosureIn(folder, clock, openDatabase) {
  const at = (name) => join(folder, name);
  const installation = await openInstallation({
    ledgerFolder: at('ledger'),
    keyFolder: at('keys'),
    publicUrl: 'http://127.0.0.1:8425',
    clock,
  });
  const opened = await openDatabase();
  const { database } = opened;
  await createMigrations(database, {
    retention: defaultRetention,
    migrations: await loadMigrations(),
  }).apply();
  const store = createTrafficStore(database, { retention: defaultRetention });
  const disclosure = await openDisclosure(installation, {
    store,
    clock,
    logger: silentLogger,
    caseFolder: at('cases'),
    packageFolder: at('packages'),
    listFolder: at('revocation-lists'),
    snapshotFolder: at('snapshots'),
    operator: 'Example Mail',
    retention: defaultRetention,
    alarms: alarmSettingsSchema.parse({}),
  });
  return { ...opened, installation, store, disclosure };
}
