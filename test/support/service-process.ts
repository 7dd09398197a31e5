import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '#shared/runtime';

export type ServiceName = 'collector' | 'ingester' | 'disclosure';

const programOf = (service: ServiceName): string => join(packageRoot, `dist/services/${service}/main.js`);

/** Whether `npm run build` has been run: processes of their own run what it made. */
export const areServicesBuilt: boolean = existsSync(programOf('disclosure'));
export const notBuilt = '(skipped: npm run build was not run)';

/** Longest wait for anything: a machine under load takes its time, a peer's return is noticed by a probe. */
const patienceMs = 150_000;

/** What `/health/ready` says. */
export interface Readiness {
  readonly status: number;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly code?: string }>>;
}

export interface ServiceProcess {
  readonly child: ChildProcess;
  readonly healthUrl: string;
  /** Standard output and error so far. */
  output(): string;
  /** Waits for such an answer of `/health/ready`; by default for 200. */
  ready(wanted?: (readiness: Readiness) => boolean): Promise<Readiness>;
  /** The text of `/metrics`. */
  metrics(): Promise<string>;
  /** The value of one metric by its name and labels as they are printed; 0 where it is not there. */
  metric(name: string): Promise<number>;
  /** Resolves once it ended by itself. */
  ended(): Promise<number | null>;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Runs a service as its supervisor would: with nothing in its environment but what is given. */
export function startService(
  service: ServiceName,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): ServiceProcess {
  const child = spawn(process.execPath, [programOf(service), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const healthUrl = `http://${env.HEALTH_LISTEN ?? '127.0.0.1:9464'}`;
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const isGone = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const text = async (path: string): Promise<string> => (await fetch(`${healthUrl}${path}`)).text();
  const metrics = () => text('/metrics');
  return {
    child,
    healthUrl,
    output: () => output,
    async ready(wanted = ({ status }) => status === 200) {
      let last = 'nothing';
      for (const until = Date.now() + patienceMs; Date.now() < until && !isGone(); await sleep(50)) {
        const answer = await fetch(`${healthUrl}/health/ready`).catch(() => null);
        if (answer === null) continue;
        const body = (await answer.json()) as Pick<Readiness, 'checks'>;
        const readiness = { status: answer.status, checks: body.checks };
        if (wanted(readiness)) return readiness;
        last = JSON.stringify(readiness);
      }
      throw new Error(`${service} did not become as wanted; last ${last}; ${output}`);
    },
    metrics,
    async metric(name) {
      const line = (await metrics()).split('\n').find((each) => each.startsWith(`${name} `));
      return Number(line?.slice(name.length + 1) ?? 0);
    },
    ended: () => ended,
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Waits until it holds. */
export async function eventually(holds: () => Promise<boolean>, otherwise: () => string): Promise<void> {
  for (const until = Date.now() + patienceMs; Date.now() < until; await sleep(100)) {
    if (await holds()) return;
  }
  throw new Error(`did not come about: ${otherwise()}`);
}
