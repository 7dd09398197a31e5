import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { ServiceConfiguration } from '#shared/control';
import type { ManifestSigner } from '#shared/disclosure-package';
import type { Ledger, LedgerReader } from '#shared/ledger';
import type { Clock, Logger } from '#shared/runtime';
import type { TrafficStore } from '#shared/store';
import { bootstrap, type FirstAdministrator } from './control/bootstrap.ts';
import { openCaseFiles } from './control/case-files.ts';
import { openControlPlane } from './control/control-plane.ts';
import { NoiseCounter } from './control/noise.ts';
import { RefusalMemory } from './control/repeats.ts';
import { describeAll, describeRoute, openApiDocument } from './http/openapi.ts';
import { outsideRoutes } from './http/outside-routes.ts';
import { secure } from './http/plugin.ts';
import { apiLimits } from './limits.ts';
import { openPackageFolder } from './release/packages.ts';
import { createReleaseQueue } from './release/release-queue.ts';
import { credentialRoutes } from './routes/credentials.ts';
import { disclosureRoutes } from './routes/disclosures.ts';
import { ledgerRoutes } from './routes/ledger.ts';
import { orderRoutes } from './routes/orders.ts';
import { publicRoutes } from './routes/public.ts';

export interface DisclosureDeps {
  readonly ledger: Ledger;
  readonly ledgerFiles: LedgerReader;
  readonly ledgerKey: string;
  readonly store: TrafficStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly manifestSigner: ManifestSigner;
  /** `AGE-SECRET-KEY-1…` under which case files are kept. */
  readonly caseFileIdentity: string;
  readonly caseFolder: string;
  readonly packageFolder: string;
  /** Name of the operator, as it stands on written disclosures. */
  readonly operator: string;
  readonly configuration: ServiceConfiguration;
  /** Enrolled where the ledger is empty; without it an empty ledger is refused. */
  readonly firstAdministrator?: FirstAdministrator;
  /** PEM. Without it the service must only listen on loopback. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
}

export interface DisclosureService {
  readonly app: FastifyInstance;
  /** Listens, and takes up releases that were left undone. Resolves to the port. */
  start(address: { host: string; port: number }): Promise<number>;
  close(): Promise<void>;
}

const noiseIntervalMs = 60_000;

/**
 * The disclosure API over a ledger and a store.
 * @throws ControlError where the ledger is not one that these rules could have written.
 */
export async function createDisclosureService(deps: DisclosureDeps): Promise<DisclosureService> {
  const { ledger, store, clock, logger } = deps;
  const control = await openControlPlane(ledger, clock);
  await bootstrap(control, deps.configuration, deps.firstAdministrator);
  const cases = await openCaseFiles(deps.caseFolder, deps.caseFileIdentity);
  const packages = await openPackageFolder(deps.packageFolder);
  const signer = deps.manifestSigner;
  const releases = createReleaseQueue(
    { control, ledger, cases, store, packages, signer, operator: deps.operator, clock },
    logger,
  );
  const noise = new NoiseCounter(clock);
  const { ledgerFiles, ledgerKey } = deps;
  const context = {
    control,
    ledger,
    ledgerFiles,
    ledgerKey,
    cases,
    store,
    packages,
    releases,
    noise,
    refusals: new RefusalMemory(clock),
    clock,
    logger,
  };

  const app = fastify({
    logger: false,
    bodyLimit: apiLimits.bodyBytes,
    requestTimeout: apiLimits.requestMs,
    connectionTimeout: apiLimits.requestMs,
    exposeHeadRoutes: false,
    http: { maxHeaderSize: apiLimits.headerBytes },
    routerOptions: { maxParamLength: apiLimits.paramCharacters },
    ...outsideRoutes(noise),
    ...(deps.tls ? { https: { ...deps.tls, minVersion: 'TLSv1.2' as const } } : {}),
  } as Parameters<typeof fastify>[0]) as unknown as FastifyInstance;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  secure(app, context);
  await app.register(swagger, {
    openapi: openApiDocument,
    transform: describeRoute,
    transformObject: describeAll,
  });
  app.register(async (routes) => {
    publicRoutes(routes, context);
    credentialRoutes(routes, context);
    orderRoutes(routes, context);
    disclosureRoutes(routes, context);
    ledgerRoutes(routes, context);
  });
  await app.ready();

  async function recordNoise(): Promise<void> {
    const entry = noise.take();
    if (entry === null) return;
    try {
      await control.transact(() => ({ entries: [entry], result: undefined }));
    } catch {
      noise.putBack(entry);
      logger.error({ code: 'ledger.unavailable' }, 'refusals of the last minute were not recorded');
    }
  }
  let timer: NodeJS.Timeout | undefined;

  return {
    app,
    start: async (address) => {
      await releases.resume();
      await app.listen(address);
      timer = setInterval(() => void recordNoise(), noiseIntervalMs);
      const bound = app.server.address();
      return typeof bound === 'object' && bound !== null ? bound.port : address.port;
    },
    close: async () => {
      clearInterval(timer);
      await app.close();
      await releases.close();
      await recordNoise();
    },
  };
}
