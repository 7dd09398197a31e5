import { join, resolve } from 'node:path';
import { createCollector, tellOver } from '#services/collector';
import {
  openDisclosure,
  openInstallation,
  openInstallationStamping,
  openInstallationWitnessing,
  publicUrlOf,
} from '#services/disclosure';
import { loadRegimes } from '#shared/regimes';
import { type Clock, type Logger, makePrivateFolder, softwareVersion, utc } from '#shared/runtime';
import {
  createMigrations,
  createTrafficStore,
  keyFolderOf,
  loadMigrations,
  openEncryptedDatabase,
} from '#shared/store';
import type { StandaloneConfig } from './config.ts';
import { openWay } from './event-way.ts';
import { startRetention } from './retention.ts';
import { serveStatus } from './status-server.ts';

/** Where things lie under the data folder. */
export const layout = {
  keys: 'keys',
  ledger: 'ledger',
  engine: 'engine',
  collector: 'collector',
  cases: 'cases',
  packages: 'packages',
  lists: 'revocation-lists',
  snapshots: 'snapshots',
  socket: 'griffie.sock',
} as const;

/**
 * Each publication is an insert, which costs some 140 ms of processor time however few its rows, and takes up to a
 * second beside a disclosure: two a second at most, and each with as many rows as wait.
 */
const publications = { events: 8_000, everyMs: 500 } as const;

/** The key folder of a data folder. */
export const keyFolderIn = (dataFolder: string): string => join(resolve(dataFolder), layout.keys);

export interface StandaloneDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stdin?: AsyncIterable<Uint8Array>;
}

export interface Standalone {
  readonly url: string;
  /** Names of key files that were made just now. */
  readonly keysMade: readonly string[];
  readonly keyFolder: string;
  /** Where the keys of the encrypted disk are, and whether the first of them was made just now. */
  readonly diskKeyFolder: string;
  readonly diskKeyMade: boolean;
  /** People who could act as administrators at the start. */
  readonly administrators: number;
  /** Resolves, if ever, with why it can go on no longer. */
  readonly failed: Promise<Error>;
  /** Reads no more, finishes what was read, and lets go of the data folder. */
  stop(): Promise<void>;
}

/**
 * The embedded default: collector, ingester and disclosure API in one process over one folder.
 * The ledger's lock comes first and goes last, so that two processes never share the folder.
 */
export async function startStandalone(config: StandaloneConfig, deps: StandaloneDeps): Promise<Standalone> {
  const { clock, logger } = deps;
  const folder = resolve(config.dataFolder);
  const at = (name: keyof typeof layout): string => join(folder, layout[name]);
  await makePrivateFolder(folder);
  const opened: (() => Promise<unknown>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.splice(0).reverse()) await close();
  };
  try {
    const publicUrl = publicUrlOf(config);
    const [ledgerFolder, keyFolder] = [at('ledger'), at('keys')];
    const regimes = loadRegimes(config.regimeFolder);
    const installation = await openInstallation({ ledgerFolder, keyFolder, publicUrl, clock });
    const { ledger, keysMade } = installation;
    opened.push(() => ledger.close());

    const diskKeyFolder = keyFolderOf(folder, config.diskKeys.folder);
    const { database, diskKeys, isNew } = await openEncryptedDatabase({
      folder: at('engine'),
      keyFolder: diskKeyFolder,
      now: clock.now(),
    });
    const { retentionPeriod: retention } = config;
    const store = createTrafficStore(database, { retention });
    opened.push(() => store.close());
    await createMigrations(database, { retention, migrations: await loadMigrations() }).apply();

    const { witnessPolicyFile: policyFile } = config;
    const witnessing =
      policyFile === undefined
        ? undefined
        : await openInstallationWitnessing(installation, { policyFile, clock, logger });
    const { timestampAuthority } = config;
    const stamping =
      timestampAuthority &&
      (await openInstallationStamping(installation, { ...timestampAuthority, clock, logger }));
    const disclosure = await openDisclosure(installation, {
      store,
      clock,
      logger,
      caseFolder: at('cases'),
      packageFolder: at('packages'),
      snapshotFolder: at('snapshots'),
      operator: config.operator,
      regimes,
      documentAnchorsFile: config.documentAnchorsFile,
      retention,
      tls: config.tls,
      anchorsFile: config.certificateAnchorsFile,
      certificateLists: config.certificateLists,
      listFolder: at('lists'),
      passkeys: config.passkeys,
      alarms: config.alarms,
      witnessing,
      stamping,
    });
    opened.push(() => disclosure.close());

    const expiry = startRetention(config, {
      database,
      diskKeys,
      record: disclosure.retentionRecord,
      packagesLeft: disclosure.packagesLeft,
      folder,
      collectorFolder: at('collector'),
      clock,
      logger,
    });
    opened.push(() => expiry.stop());

    const way = await openWay(config.kafka, { store, clock, logger });
    opened.push(() => way.close());

    const collector = createCollector({
      sources: config.sources,
      publisher: way.publisher,
      tell: tellOver(way.publisher),
      ...(config.kafka ? { kafka: config.kafka } : { publications }),
      stateDirectory: at('collector'),
      clock,
      logger,
      ...(deps.stdin ? { stdin: deps.stdin } : {}),
    });
    opened.push(() => collector.stop());

    const startedAt = utc(clock.now());
    const status = await serveStatus(at('socket'), (path) => {
      if (path === '/status') {
        const sources = collector.status();
        const { size } = ledger.checkpoint();
        return {
          version: softwareVersion,
          startedAt,
          url: publicUrl,
          sources,
          ingester: way.stats(),
          ledger: { size },
        };
      }
      if (path === '/retention') return expiry.status();
      const [, from, to] = /^\/sums\/(\d{4}-\d\d-\d\d)\/(\d{4}-\d\d-\d\d)$/.exec(path) ?? [];
      if (from !== undefined && to !== undefined) return expiry.figures({ from, to });
      const source = /^\/sources\/([a-z0-9-]{1,32})\/not-understood$/.exec(path)?.[1];
      return source === undefined ? undefined : collector.notUnderstood(source);
    });
    opened.push(() => status.close());

    await disclosure.start(config.listen);
    collector.start();
    logger.info({ version: softwareVersion, port: config.listen.port }, 'started');
    return {
      url: publicUrl,
      keysMade,
      keyFolder,
      diskKeyFolder,
      diskKeyMade: isNew,
      administrators: disclosure.administrators(),
      failed: way.failed,
      stop: closeAll,
    };
  } catch (error) {
    await closeAll().catch(() => {});
    throw error;
  }
}
