import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from './clock.ts';
import type { Environment } from './environment.ts';
import { codeOf } from './error-code.ts';
import { Condition, createHealth } from './health.ts';
import { type HealthServer, serveHealth } from './health-server.ts';
import { ListenError } from './listen-error.ts';
import { createLogger, type Logger } from './logging.ts';
import { createMetrics } from './metrics.ts';
import type { CommonSettings, RunningService, ServiceDefinition } from './service.ts';
import { usageOf } from './usage.ts';
import { softwareVersion } from './version.ts';

/** What the runner touches of the process; `main.ts` gives Node's own. */
export interface ProcessHost {
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  on(event: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  on(event: 'unhandledRejection' | 'uncaughtException', listener: (error: unknown) => void): unknown;
  exit(code: number): unknown;
}

/** How a service's process ends. */
export const serviceExitCodes = {
  /** It was asked to stop, and finished what it had in hand. */
  stopped: 0,
  /** It can go on no longer; its supervisor should start it anew. */
  failed: 1,
  /** Wrong arguments or variables (EX_USAGE of sysexits): starting anew does not help. */
  usage: 64,
} as const;

/** What a graceful stop may take; supervisors must wait longer before they kill. */
export const stopMs = 25_000;

/** What a start that is told to stop may take to let go: nothing was acknowledged yet. */
const stopStartingMs = 3000;

/** Runs a service as this process, from its arguments to its exit. */
export async function runService<T extends CommonSettings>(
  definition: ServiceDefinition<T>,
  host: ProcessHost,
): Promise<void> {
  const [argument] = host.argv.slice(2);
  if (argument === '--help' || argument === '--version') {
    host.stdout.write(`${argument === '--help' ? usageOf(definition) : softwareVersion}\n`);
    return;
  }
  const outcome =
    argument === undefined
      ? await definition.read(host.env)
      : { ok: false as const, problems: ['takes no arguments but --help and --version'] };
  if (!outcome.ok) {
    for (const problem of outcome.problems) host.stderr.write(`${definition.name}: ${problem}\n`);
    host.exit(serviceExitCodes.usage);
    return;
  }
  const { settings } = outcome;
  const write = (line: string): void => void host.stderr.write(line);
  const logger = createLogger(definition.name, write, settings.logLevel);
  host.exit(await run(definition, settings, host, logger));
}

async function run<T extends CommonSettings>(
  definition: ServiceDefinition<T>,
  settings: T,
  host: ProcessHost,
  logger: Logger,
): Promise<number> {
  const stopping = new AbortController();
  const health = createHealth();
  const metrics = createMetrics(definition.name);
  const running = new Condition();
  health.add('service', running.check);
  const stopRequested = new Promise<void>((resolve) => {
    const stop = (): void => {
      stopping.abort();
      resolve();
    };
    host.on('SIGTERM', stop);
    host.on('SIGINT', stop);
  });
  // What state it is in nobody knows; whatever was acknowledged is durable, and the next start goes on from it.
  const die = (error: unknown): void => {
    logger.error({ code: codeOf(error) }, 'an error that nothing handles; ending');
    host.exit(serviceExitCodes.failed);
  };
  host.on('unhandledRejection', die);
  host.on('uncaughtException', die);

  let server: HealthServer | undefined;
  let service: RunningService | undefined;
  let exitCode: number = serviceExitCodes.stopped;
  try {
    server = await serveHealth(settings.healthListen, { health, metrics }).catch((error: unknown) => {
      throw new ListenError('HEALTH_LISTEN', error);
    });
    const starting = definition.start(settings, {
      clock: systemClock,
      logger,
      health,
      metrics,
      stopping: stopping.signal,
      stdin: host.stdin,
      say: (line) => void host.stdout.write(`${line}\n`),
    });
    const givenUp = stopRequested.then(() => sleep(stopStartingMs));
    service = (await Promise.race([starting, givenUp])) ?? undefined;
    if (service === undefined) return serviceExitCodes.stopped;
    running.pass();
    logger.info({ version: softwareVersion, port: server.port }, 'started');
    const reason = await Promise.race([stopRequested, service.failed]);
    if (!stopping.signal.aborted) throw reason;
  } catch (error) {
    // A start that was waiting rejects when it is told to stop: that is no failure.
    if (!stopping.signal.aborted) exitCode = logFailure(error, logger);
  }
  running.fail('stopping');
  if (service !== undefined && !(await stopInTime(service, logger))) exitCode = serviceExitCodes.failed;
  await server?.close();
  if (exitCode === serviceExitCodes.stopped) logger.info({}, 'stopped');
  return exitCode;
}

/** Faults of our own say what to do about them; of others only the code is told. */
function logFailure(error: unknown, logger: Logger): number {
  const code = codeOf(error);
  const isOurs = error instanceof Error && /^[a-z][a-z_]*(\.[a-z_]+)+$/.test(code);
  logger.error({ code }, isOurs ? error.message : 'the service failed; ending');
  return code.startsWith('config.') ? serviceExitCodes.usage : serviceExitCodes.failed;
}

async function stopInTime(service: RunningService, logger: Logger): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), stopMs);
  });
  try {
    if ((await Promise.race([service.stop(), timeout])) !== 'late') return true;
    logger.error({ code: 'service.stop_timeout' }, 'could not finish in time; ending');
  } catch (error) {
    logger.error({ code: codeOf(error) }, 'stopping failed; ending');
  } finally {
    clearTimeout(timer);
  }
  return false;
}
