import { join, resolve } from 'node:path';
import { Counter } from 'prom-client';
import {
  addCounter,
  addGauge,
  Condition,
  keepAsking,
  ListenError,
  makePrivateFolder,
  type ServiceContext,
  type ServiceDefinition,
  untilReady,
} from '#shared/runtime';
import { askStore, assertMigrated, createTrafficStore, openConfiguredServer } from '#shared/store';
import {
  type DisclosureSettings,
  disclosureVariables,
  publicUrlOf,
  readDisclosureSettings,
} from './config.ts';
import { announceKeys } from './keys.ts';
import { type Installation, openDisclosure, openInstallation, openInstallationWitnessing } from './open.ts';
import type { Answered, DisclosureService } from './service.ts';
import { addTimestampMetrics } from './timestamps/metrics.ts';
import { openInstallationStamping } from './timestamps/open.ts';
import { addWitnessMetrics } from './witnesses/metrics.ts';

/** How often the store is asked whether it is there, for the health page. */
const askEveryMs = 10_000;

/** The disclosure API as a process of its own, over a ClickHouse server. */
export const disclosureService: ServiceDefinition<DisclosureSettings> = {
  name: 'disclosure',
  summary: 'records orders, and releases what they cover to those who sign for it.',
  variables: disclosureVariables,
  read: readDisclosureSettings,

  async start(settings, context) {
    const { clickhouse, retention, listen, operator, tls } = settings;
    const { clock, logger, health, stopping, say } = context;
    const storeThere = new Condition();
    health.add('store', storeThere.check);
    const [dataFolder, keyFolder] = [resolve(settings.dataFolder), resolve(settings.keyFolder)];
    await makePrivateFolder(dataFolder);
    const opened: (() => Promise<unknown>)[] = [];
    const closeAll = async (): Promise<void> => {
      for (const close of opened.splice(0).reverse()) await close();
    };
    try {
      // The ledger's lock comes first and goes last.
      const ledgerFolder = join(dataFolder, 'ledger');
      const publicUrl = publicUrlOf(settings);
      const installation = await openInstallation({
        ledgerFolder,
        keyFolder,
        publicUrl,
        caseMasterKeys: settings.caseMasterKeys,
        clock,
      });
      opened.push(() => installation.ledger.close());
      const database = await openConfiguredServer(clickhouse);
      opened.push(() => database.close());
      await untilReady(() => assertMigrated(database, retention), {
        peer: 'store',
        condition: storeThere,
        stopping,
        logger,
        finalCodes: ['store.not_migrated', 'store.migrations_differ'],
      });
      const { witnessPolicyFile: policyFile, witnessIntervalSeconds } = settings;
      const intervalMs = witnessIntervalSeconds * 1000;
      const witnessing =
        policyFile === undefined
          ? undefined
          : await openInstallationWitnessing(installation, { policyFile, intervalMs, clock, logger });
      if (witnessing !== undefined) addWitnessMetrics(context.metrics, witnessing);
      const { timestamps } = settings;
      const stamping =
        timestamps && (await openInstallationStamping(installation, { ...timestamps, clock, logger }));
      if (stamping !== undefined) addTimestampMetrics(context.metrics, stamping);
      const disclosure = await openDisclosure(installation, {
        store: createTrafficStore(database, { retention }),
        clock,
        logger,
        caseFolder: join(dataFolder, 'cases'),
        packageFolder: join(dataFolder, 'packages'),
        snapshotFolder: join(dataFolder, 'snapshots'),
        operator,
        retention,
        tls,
        witnessing,
        stamping,
        onAnswer: countAnswers(context),
      });
      opened.push(() => disclosure.close());
      addMetrics(context, installation, disclosure);
      await disclosure.start(listen).catch((error: unknown) => {
        throw isListenFault(error) ? new ListenError('DISCLOSURE_LISTEN', error) : error;
      });
      for (const line of announceKeys(keyFolder, installation.keysMade)) say(line);
      say(`Griffie is listening on ${publicUrl}`);
      void keepAsking(storeThere, () => askStore(database), { everyMs: askEveryMs, signal: stopping });
      // Whatever fails here fails single requests; the process can go on.
      return { failed: new Promise(() => {}), stop: closeAll };
    } catch (error) {
      await closeAll().catch(() => {});
      throw error;
    }
  },
};

const isListenFault = (error: unknown): boolean =>
  error instanceof Error && 'syscall' in error && error.syscall === 'listen';

function countAnswers({ metrics }: ServiceContext): (answered: Answered) => void {
  const answers = new Counter({
    name: 'griffie_disclosure_requests_total',
    help: 'Requests answered, by route and outcome: ok, or the code of the refusal.',
    labelNames: ['route', 'outcome'],
    registers: [metrics],
  });
  return ({ route, outcome }) => answers.inc({ route, outcome });
}

function addMetrics(
  { metrics }: ServiceContext,
  { ledger }: Installation,
  disclosure: DisclosureService,
): void {
  addGauge(metrics, {
    name: 'griffie_disclosure_disclosures',
    help: 'Disclosures by status.',
    labels: ['status'],
    read: () => Object.entries(disclosure.figures().byStatus).map(([status, count]) => [{ status }, count]),
  });
  addCounter(metrics, {
    name: 'griffie_disclosure_releases_total',
    help: 'Packages announced in the ledger since it began.',
    read: () => disclosure.figures().released,
  });
  addGauge(metrics, {
    name: 'griffie_ledger_entries',
    help: 'Entries of the ledger.',
    read: () => ledger.checkpoint().size,
  });
}
