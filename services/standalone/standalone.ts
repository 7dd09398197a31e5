import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createCollector } from '#services/collector';
import { createDisclosureService } from '#services/disclosure';
import { createIngester } from '#services/ingester';
import { createEmbeddedBus } from '#shared/bus';
import { createLedger } from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';
import { type Clock, type Logger, makePrivateFolder, softwareVersion, utc } from '#shared/runtime';
import { createMigrations, createTrafficStore, loadMigrations, openEmbeddedDatabase } from '#shared/store';
import { publicUrlOf, type StandaloneConfig } from './config.ts';
import { openFirstAdministrator, openKeys } from './keys.ts';
import { serveStatus } from './status-server.ts';

/** Where things lie under the data folder. */
export const layout = {
  keys: 'keys',
  ledger: 'ledger',
  engine: 'engine',
  collector: 'collector',
  cases: 'cases',
  packages: 'packages',
  socket: 'griffie.sock',
} as const;

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
    const storage = createTileDirectory(at('ledger'));
    const isNew = (await storage.readCommitted()) === undefined;
    const keys = await openKeys(at('keys'), { publicUrl, isNew });
    const ledger = await createLedger({ storage, signer: keys.ledger });
    opened.push(() => ledger.close());
    const first =
      ledger.checkpoint().size === 0
        ? await openFirstAdministrator(at('keys'), { publicUrl, now: clock.now() })
        : undefined;

    const database = await openEmbeddedDatabase({ folder: at('engine') });
    const { retentionPeriod: retention } = config;
    const store = createTrafficStore(database, { retention });
    opened.push(() => store.close());
    await createMigrations(database, { retention, migrations: await loadMigrations() }).apply();

    const disclosure = await createDisclosureService({
      ledger,
      ledgerFiles: storage,
      ledgerKey: keys.ledger.verifier.vkey,
      store,
      clock,
      logger,
      manifestSigner: keys.manifest,
      caseFileIdentity: keys.caseFileIdentity,
      caseFolder: at('cases'),
      packageFolder: at('packages'),
      operator: config.operator,
      configuration: {
        software: softwareVersion,
        audience: publicUrl,
        retentionPeriod: `P${retention.months}M`,
        manifestKey: { ...keys.manifestPublicKey },
      },
      ...(first ? { firstAdministrator: first.administrator } : {}),
      ...(config.tls ? { tls: await readTls(config.tls) } : {}),
    });
    opened.push(() => disclosure.close());

    const bus = createEmbeddedBus();
    opened.push(() => bus.close());
    const ingester = createIngester({ bus, store, clock, logger });
    await ingester.start();

    const collector = createCollector({
      sources: config.sources,
      publisher: bus,
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
          ingester: ingester.stats(),
          ledger: { size },
        };
      }
      const source = /^\/sources\/([a-z0-9-]{1,32})\/not-understood$/.exec(path)?.[1];
      return source === undefined ? undefined : collector.notUnderstood(source);
    });
    opened.push(() => status.close());

    await disclosure.start(config.listen);
    collector.start();
    logger.info({ version: softwareVersion, port: config.listen.port }, 'started');
    return {
      url: publicUrl,
      keysMade: [...keys.made, ...(first?.made ?? [])],
      keyFolder: at('keys'),
      stop: closeAll,
    };
  } catch (error) {
    await closeAll().catch(() => {});
    throw error;
  }
}

async function readTls({ certFile, keyFile }: { certFile: string; keyFile: string }) {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  return { cert, key };
}
