import type { Registry } from 'prom-client';
import { z } from 'zod';
import type { Clock } from './clock.ts';
import type { Environment, Outcome, Variable } from './environment.ts';
import type { Health } from './health.ts';
import { type ListenAddress, listenAddressSchema } from './listen-address.ts';
import { type Logger, type LogLevel, logLevels } from './logging.ts';

/** Settings that every service has. */
export interface CommonSettings {
  readonly healthListen: ListenAddress;
  readonly logLevel: LogLevel;
}

export const commonSettings = {
  healthListen: listenAddressSchema.prefault('127.0.0.1:9464'),
  logLevel: z.enum(logLevels).default('info'),
} as const;

export const commonVariables: readonly Variable[] = [
  {
    name: 'HEALTH_LISTEN',
    member: 'healthListen',
    about: 'host:port of /health/live, /health/ready and /metrics',
    default: '127.0.0.1:9464',
  },
  { name: 'LOG_LEVEL', member: 'logLevel', about: `one of ${logLevels.join(', ')}`, default: 'info' },
];

/** What a service gets from the process that it runs in. */
export interface ServiceContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly health: Health;
  readonly metrics: Registry;
  /** Raised when the process is asked to stop; a start that waits for somebody gives up. */
  readonly stopping: AbortSignal;
  /** What a source of kind `stdin` reads. */
  readonly stdin: AsyncIterable<Uint8Array>;
  /** One line for the person who starts it, on standard output. */
  say(line: string): void;
}

export interface RunningService {
  /** Settles where the service can go on no longer: the process then ends with a failure. */
  readonly failed: Promise<unknown>;
  /** Finishes what it has in hand, and lets go. */
  stop(): Promise<void>;
}

/** A service that can be a process of its own. */
export interface ServiceDefinition<T extends CommonSettings> {
  readonly name: string;
  /** What it does, for `--help`. */
  readonly summary: string;
  readonly variables: readonly Variable[];
  read(env: Environment): Promise<Outcome<T>>;
  /**
   * Resolves once it works. Peers that are away are waited for, and shown in `health`.
   * @throws an error with a `code` and a sentence for people where waiting does not help.
   */
  start(settings: T, context: ServiceContext): Promise<RunningService>;
}
