import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { type MasterKey, openCaseFiles } from '#shared/case-files';
import { administratorsAt, type Pattern, patterns, type ServiceConfiguration } from '#shared/control';
import type { ManifestSigner } from '#shared/disclosure-package';
import type { Ledger, LedgerReader } from '#shared/ledger';
import type { TrustAnchors } from '#shared/order-document';
import type { Regimes } from '#shared/orders';
import { shippedRegimes } from '#shared/regimes';
import type { RetentionRecord } from '#shared/retention';
import { type Clock, codeOf, type Logger, utc } from '#shared/runtime';
import type { TrafficStore } from '#shared/store';
import type { CeremonyAdministrator } from './ceremony.ts';
import { assertLedgerKey, bootstrap } from './control/bootstrap.ts';
import { createCaseErasure } from './control/case-erasure.ts';
import { openControlPlane } from './control/control-plane.ts';
import { NoiseCounter } from './control/noise.ts';
import { createOrderWatch, type OrderWatchFigures } from './control/order-watch.ts';
import { RefusalMemory } from './control/repeats.ts';
import { createRetentionRecord } from './control/retention-record.ts';
import { createStateSnapshots } from './control/state-snapshots.ts';
import { routeName } from './http/act.ts';
import { createGuard } from './http/guard.ts';
import { describeAll, describeRoute, openApiDocument } from './http/openapi.ts';
import { outsideRoutes } from './http/outside-routes.ts';
import { secure } from './http/plugin.ts';
import { apiLimits, gateBounds } from './limits.ts';
import { createNonces } from './passkeys/nonces.ts';
import { passkeyRoutes } from './passkeys/routes.ts';
import { createPackageExpiry } from './release/package-expiry.ts';
import { openPackageFolder } from './release/packages.ts';
import { createReleaseQueue } from './release/release-queue.ts';
import {
  createRevocation,
  type ListFigures,
  noLists,
  openKeptLists,
  type RevocationSettings,
} from './revocation/index.ts';
import { authorityRoutes } from './routes/authorities.ts';
import { caseRoutes } from './routes/cases.ts';
import { credentialRoutes } from './routes/credentials.ts';
import { disclosureProgressRoutes } from './routes/disclosure-progress.ts';
import { disclosureRoutes } from './routes/disclosures.ts';
import { holdRoutes } from './routes/holds.ts';
import { ledgerRoutes } from './routes/ledger.ts';
import { orderRoutes } from './routes/orders.ts';
import { publicRoutes } from './routes/public.ts';
import { retentionRoutes } from './routes/retention.ts';
import type { Stamping } from './timestamps/stamping.ts';
import type { Witnessing } from './witnesses/witnessing.ts';

/** One answer of the API, as it is counted: nothing of who asked, or for what. */
export interface Answered {
  /** Method and pattern, such as `GET /v1/orders/:orderId`; `other` where there is no such route. */
  readonly route: string;
  /** `ok`, or the code of the refusal. */
  readonly outcome: string;
}

/** Counts over the whole ledger. */
export interface DisclosureFigures {
  readonly byStatus: Readonly<Record<string, number>>;
  readonly released: number;
}

export interface DisclosureDeps {
  readonly ledger: Ledger;
  readonly ledgerFiles: LedgerReader;
  readonly ledgerKey: string;
  readonly store: TrafficStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly manifestSigner: ManifestSigner;
  /** What the keys of cases are wrapped under. */
  readonly caseMasterKey: MasterKey;
  readonly caseFolder: string;
  readonly packageFolder: string;
  /** Where the state is kept for the next start, and the secret under which it is believed. */
  readonly snapshots?: { readonly folder: string; readonly key: Uint8Array };
  /** This replica's name, where several share the two folders. */
  readonly replica?: string;
  /** Name of the operator, as it stands on written disclosures. */
  readonly operator: string;
  readonly configuration: ServiceConfiguration;
  /** The legal regimes in force; those that are shipped, where absent. */
  readonly regimes?: Regimes;
  /** What signatures of orders' documents must lead to; without them none is valid. */
  readonly documentAnchors?: TrustAnchors;
  /** Administrators made on the console: enrolled while there are fewer than two. */
  readonly ceremony?: readonly CeremonyAdministrator[];
  /** Certificates to which those of credentials must lead, DER; the configuration names their digests. */
  readonly anchors?: readonly Uint8Array[];
  /** Revocation lists of those authorities, and where those in use are kept; absent where none are asked. */
  readonly certificateLists?: { readonly settings: RevocationSettings; readonly folder: string };
  /** AAGUIDs that passkeys may be of; absent: any, also unattested. */
  readonly passkeyModels?: readonly string[];
  /**
   * PEM. Without it the service must only listen on loopback. With `clientAnchors` no connection is taken
   * whose client shows no certificate of theirs; whoever it names, requests are signed all the same.
   */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer; readonly clientAnchors?: Buffer };
  /** Has checkpoints cosigned; without it nobody is asked. The service starts and stops it. */
  readonly witnessing?: Witnessing;
  /** Has a checkpoint a day stamped; without it nobody is asked. The service starts and stops it. */
  readonly stamping?: Stamping;
  /** Told of each answer. */
  readonly onAnswer?: (answered: Answered) => void;
}

export interface DisclosureService {
  readonly app: FastifyInstance;
  /** Listens, and takes up releases that were left undone. Resolves to the port. */
  start(address: { host: string; port: number }): Promise<number>;
  figures(): DisclosureFigures;
  /** People who can act as administrators now; it takes two to enrol anybody. */
  administrators(): number;
  /** For a retention service in this process: the way to the ledger. */
  readonly retentionRecord: RetentionRecord;
  /** One look after the deadlines of orders; made every half minute by itself once started. */
  watchOrders(): Promise<void>;
  orderFigures(): OrderWatchFigures;
  /** One look after the revocation lists; made every half minute by itself once started. */
  watchLists(): Promise<void>;
  listFigures(): ListFigures;
  /** Alarms on patterns since the ledger began. */
  patternAlarms(): Readonly<Record<Pattern, number>>;
  /** Released packages that are still on the server a day after their time. */
  packagesLeft(): number;
  close(): Promise<void>;
}

const noiseIntervalMs = 60_000;
const orderWatchIntervalMs = 30_000;
const listIntervalMs = 30_000;
const packageIntervalMs = 3_600_000;
const takeOverIntervalMs = 60_000;

/**
 * The disclosure API over a ledger and a store.
 * @throws ControlError where the ledger is not one that these rules could have written.
 */
export async function createDisclosureService(deps: DisclosureDeps): Promise<DisclosureService> {
  const { ledger, store, clock, logger } = deps;
  const snapshots = deps.snapshots && createStateSnapshots({ ...deps.snapshots, logger });
  const control = await openControlPlane(ledger, clock, snapshots, ({ pattern, count }, entryIndex) =>
    logger.warn({ code: `pattern.${pattern}`, count, entryIndex }, 'a pattern that somebody should look at'),
  );
  assertLedgerKey(control.state, deps.ledgerKey);
  await bootstrap(control, deps.configuration, deps.ceremony);
  const cases = await openCaseFiles(deps.caseFolder, deps.caseMasterKey);
  const packages = await openPackageFolder(deps.packageFolder, deps.replica);
  const signer = deps.manifestSigner;
  const releases = createReleaseQueue(
    { control, ledger, cases, store, packages, signer, operator: deps.operator, clock },
    logger,
  );
  const packageExpiry = createPackageExpiry({ control, packages, logger });
  const erasure = createCaseErasure({ control, cases, logger });
  const anchors = deps.anchors ?? [];
  const { settings = null, folder = null } = deps.certificateLists ?? {};
  const kept = folder === null ? noLists : await openKeptLists(folder);
  const revocation = createRevocation({ settings, anchors, control, kept, clock, logger });
  const orderWatch = createOrderWatch({ control, clock, logger });
  const noise = new NoiseCounter(clock);
  const { ledgerFiles, ledgerKey } = deps;
  const context = {
    control,
    ledger,
    ledgerFiles,
    ledgerKey,
    anchors,
    lists: kept,
    revocation,
    nonces: createNonces(clock),
    passkeyModels: new Set(deps.passkeyModels ?? []),
    witnessing: deps.witnessing ?? null,
    cases,
    erasure,
    regimes: deps.regimes ?? shippedRegimes(),
    documentAnchors: deps.documentAnchors ?? { certificates: [] },
    store,
    packages,
    releases,
    noise,
    refusals: new RefusalMemory(clock),
    clock,
    logger,
  };

  const slowness = {
    maxHeaderSize: apiLimits.headerBytes,
    headersTimeout: apiLimits.headersMs,
    handshakeTimeout: apiLimits.headersMs,
    connectionsCheckingInterval: apiLimits.slowCheckMs,
  };
  const app = fastify({
    logger: false,
    bodyLimit: apiLimits.bodyBytes,
    requestTimeout: apiLimits.requestMs,
    connectionTimeout: apiLimits.requestMs,
    exposeHeadRoutes: false,
    keepAliveTimeout: apiLimits.keepAliveMs,
    http: slowness,
    routerOptions: { maxParamLength: apiLimits.paramCharacters },
    ...outsideRoutes(noise),
    ...(deps.tls ? { https: { ...slowness, ...listenerTls(deps.tls) } } : {}),
  } as Parameters<typeof fastify>[0]) as unknown as FastifyInstance;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  secure(app, context, createGuard(app, noise, gateBounds));
  app.addHook('onResponse', async (request) => {
    const route = request.is404 ? 'other' : routeName(request);
    deps.onAnswer?.({ route, outcome: request.refusal ?? 'ok' });
  });
  await app.register(swagger, {
    openapi: openApiDocument,
    transform: describeRoute,
    transformObject: describeAll,
  });
  app.register(async (routes) => {
    publicRoutes(routes, context);
    credentialRoutes(routes, context);
    authorityRoutes(routes, context);
    passkeyRoutes(routes, context);
    orderRoutes(routes, context);
    caseRoutes(routes, context);
    holdRoutes(routes, context);
    disclosureRoutes(routes, context);
    disclosureProgressRoutes(routes, context);
    ledgerRoutes(routes, context);
    retentionRoutes(routes, context);
  });
  await app.ready();

  async function recordNoise(): Promise<void> {
    const entry = noise.take();
    if (entry === null) return;
    try {
      await control.transact(() => ({ entries: [entry], result: undefined }), { underAnyClock: true });
    } catch {
      noise.putBack(entry);
      logger.error({ code: 'ledger.unavailable' }, 'refusals of the last minute were not recorded');
    }
  }
  async function expirePackages(): Promise<void> {
    try {
      await packageExpiry.run();
    } catch (error) {
      logger.error({ code: codeOf(error) }, 'packages past their time were not removed; it is tried again');
    }
  }
  async function watchOrders(): Promise<void> {
    try {
      await orderWatch.run();
    } catch (error) {
      logger.error({ code: codeOf(error) }, 'alarms about orders were not recorded; it is tried again');
    }
  }
  async function takeOverReleases(): Promise<void> {
    try {
      await releases.takeOver();
    } catch (error) {
      logger.error(
        { code: codeOf(error) },
        'unfinished disclosures could not be looked for; it is tried again',
      );
    }
  }
  let expiring = Promise.resolve();
  let watching = Promise.resolve();
  let listing = Promise.resolve();
  const timers: NodeJS.Timeout[] = [];

  return {
    app,
    start: async (address) => {
      await erasure.resume();
      await releases.resume();
      // Before the first request: it is judged by what lies there now.
      await revocation.run();
      await app.listen(address);
      deps.witnessing?.start();
      deps.stamping?.start();
      expiring = expirePackages();
      watching = watchOrders();
      timers.push(
        setInterval(() => {
          watching = watching.then(watchOrders);
        }, orderWatchIntervalMs),
        setInterval(() => {
          listing = listing.then(() => revocation.run());
        }, listIntervalMs),
        setInterval(() => void recordNoise(), noiseIntervalMs),
        setInterval(() => void takeOverReleases(), takeOverIntervalMs),
        setInterval(() => {
          expiring = expiring.then(expirePackages).then(() => erasure.resume());
        }, packageIntervalMs),
      );
      const bound = app.server.address();
      return typeof bound === 'object' && bound !== null ? bound.port : address.port;
    },
    retentionRecord: createRetentionRecord(control, cases),
    watchOrders: () => orderWatch.run(),
    watchLists: () => revocation.run(),
    listFigures: () => revocation.figures(),
    orderFigures: () => orderWatch.figures(),
    patternAlarms: () =>
      Object.fromEntries(patterns.map((name) => [name, control.state.alarmsRaised.get(name) ?? 0])) as Record<
        Pattern,
        number
      >,
    packagesLeft: () => packageExpiry.left(),
    administrators: () => administratorsAt(control.state, utc(clock.now())).size,
    figures: () => {
      const byStatus: Record<string, number> = {};
      let released = 0;
      for (const disclosure of control.state.disclosures.values()) {
        byStatus[disclosure.status] = (byStatus[disclosure.status] ?? 0) + 1;
        if (disclosure.released !== undefined) released += 1;
      }
      return { byStatus, released };
    },
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      await deps.witnessing?.stop();
      await deps.stamping?.stop();
      await app.close();
      await expiring;
      await watching;
      await listing;
      await releases.close();
      await recordNoise();
      await control.close();
    },
  };
}

function listenerTls({ cert, key, clientAnchors }: NonNullable<DisclosureDeps['tls']>) {
  const clients = clientAnchors ? { ca: clientAnchors, requestCert: true, rejectUnauthorized: true } : {};
  return { cert, key, ...clients, minVersion: 'TLSv1.2' as const };
}
