import { join, resolve } from 'node:path';
import { Counter } from 'prom-client';
import { furtherTopics, type KafkaConfig, openTopicLog, topicNameOf } from '#shared/bus';
import type { LedgerOrder } from '#shared/ledger';
import { loadRegimes } from '#shared/regimes';
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
import { announceAdministrators, announceKeys } from './keys.ts';
import { type Installation, openDisclosure, openInstallation, openInstallationWitnessing } from './open.ts';
import { replicaName } from './replica.ts';
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
    const sharedFolder = resolve(settings.sharedFolder ?? dataFolder);
    await makePrivateFolder(dataFolder);
    const regimes = loadRegimes(settings.regimeFolder);
    await makePrivateFolder(sharedFolder);
    const opened: (() => Promise<unknown>)[] = [];
    const closeAll = async (): Promise<void> => {
      for (const close of opened.splice(0).reverse()) await close();
    };
    try {
      // The ledger's lock comes first and goes last.
      const ledgerFolder = join(dataFolder, 'ledger');
      const publicUrl = publicUrlOf(settings);
      const { caseMasterKeys } = settings;
      const common = { ledgerFolder, keyFolder, publicUrl, caseMasterKeys, clock };
      const installation =
        settings.kafka === undefined
          ? await openInstallation(common)
          : await openReplica(common, settings.kafka, context);
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
        caseFolder: join(sharedFolder, 'cases'),
        packageFolder: join(sharedFolder, 'packages'),
        snapshotFolder: join(dataFolder, 'snapshots'),
        replica: installation.ordered && (await replicaName(dataFolder)),
        operator,
        regimes,
        documentAnchorsFile: settings.documentAnchorsFile,
        retention,
        tls,
        anchorsFile: settings.certificateAnchorsFile,
        certificateLists: settings.certificateLists,
        listFolder: join(sharedFolder, 'revocation-lists'),
        passkeys: settings.passkeys,
        alarms: settings.alarms,
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
      for (const line of announceAdministrators(disclosure.administrators())) say(line);
      say(`Griffie is listening on ${publicUrl}`);
      void keepAsking(storeThere, () => askStore(database), { everyMs: askEveryMs, signal: stopping });
      // Whatever else fails here fails single requests; the process can go on.
      return { failed: installation.ordered?.failed ?? new Promise(() => {}), stop: closeAll };
    } catch (error) {
      await closeAll().catch(() => {});
      throw error;
    }
  },
};

/** Waits for the brokers; what is wrong with the topic or the keys is no matter of waiting. */
async function openReplica(
  common: Omit<Parameters<typeof openInstallation>[0], 'replication'>,
  kafka: KafkaConfig,
  { logger, health, stopping }: ServiceContext,
): Promise<Installation> {
  const ledgerThere = new Condition();
  health.add('ledger', ledgerThere.check);
  const open = async (): Promise<Installation> => {
    const order: LedgerOrder = await openTopicLog(kafka, topicNameOf(kafka, furtherTopics.ledger), {
      logger,
    });
    return openInstallation({ ...common, replication: { order, logger } });
  };
  const installation = await untilReady(open, {
    peer: 'ledger',
    condition: ledgerThere,
    stopping,
    logger,
    finalCodes: finalOpenCodes,
  });
  const ask = () => installation.ordered?.ask() ?? Promise.resolve();
  void keepAsking(ledgerThere, ask, { everyMs: askEveryMs, signal: stopping });
  return installation;
}

const finalOpenCodes = [
  'ledger.order_differs',
  'ledger.entry_invalid',
  'ledger.corrupt',
  'ledger.wrong_key',
  'ledger.locked',
  'ledger.lock_lost',
  'keys.unusable',
  'kafka.topic_missing',
  'kafka.several_partitions',
];

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
    name: 'griffie_orders_attention',
    help: 'Orders that need somebody now: due_soon, overdue, follow_up_missed (after an emergency).',
    labels: ['why'],
    read: () => {
      const { dueSoon, overdue, followUpsMissed } = disclosure.orderFigures();
      return [
        [{ why: 'due_soon' }, dueSoon],
        [{ why: 'overdue' }, overdue],
        [{ why: 'follow_up_missed' }, followUpsMissed],
      ];
    },
  });
  addGauge(metrics, {
    name: 'griffie_revocation_list_seconds_left',
    help: 'Seconds until the revocation list in use has run out, by the id of its authority; below 0 once it has.',
    labels: ['authority'],
    read: () => [...disclosure.listFigures().secondsLeft].map(([authority, left]) => [{ authority }, left]),
  });
  addGauge(metrics, {
    name: 'griffie_revocation_lists_attention',
    help: 'Revocation lists that need somebody now: runs_out (soon), stale, missing, refused.',
    labels: ['why'],
    read: () => {
      const { runsOut, stale, missing, refused } = disclosure.listFigures();
      return [
        [{ why: 'runs_out' }, runsOut],
        [{ why: 'stale' }, stale],
        [{ why: 'missing' }, missing],
        [{ why: 'refused' }, refused.length],
      ];
    },
  });
  addGauge(metrics, {
    name: 'griffie_pattern_alarms',
    help: 'Alarms on patterns since the ledger began, by pattern.',
    labels: ['pattern'],
    read: () => Object.entries(disclosure.patternAlarms()).map(([pattern, count]) => [{ pattern }, count]),
  });
  addGauge(metrics, {
    name: 'griffie_ledger_entries',
    help: 'Entries of the ledger.',
    read: () => ledger.checkpoint().size,
  });
}
