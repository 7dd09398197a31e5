import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NoteVerifier, parseVerifierKey } from '#shared/ledger';
import { packageRoot } from '#shared/runtime';
import { freePorts } from '../../support/mail-servers/ports.ts';

const program = join(packageRoot, 'dist/services/cli/main.js');
const patienceMs = 120_000;

export interface WitnessProcess {
  readonly url: string;
  readonly healthUrl: string;
  readonly verifier: NoteVerifier;
  output(): string;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Runs `griffie witness` as an auditor would, and waits until it listens. */
export async function startWitnessProcess(options: {
  readonly folder: string;
  readonly name: string;
  /** File of the logs' keys. */
  readonly logs: string;
}): Promise<WitnessProcess> {
  const [port = 0, healthPort = 0] = await freePorts(2);
  const { folder, name, logs } = options;
  const args = ['--folder', folder, '--name', name, '--logs', logs, '--listen', `127.0.0.1:${port}`];
  const child = spawn(process.execPath, [program, 'witness', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', HEALTH_LISTEN: `127.0.0.1:${healthPort}` },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'close').then(([code]) => code as number | null);
  for (const until = Date.now() + patienceMs; !output.includes('Griffie is witnessing'); await sleep(10)) {
    if (Date.now() < until && child.exitCode === null) continue;
    child.kill('SIGKILL');
    throw new Error(`griffie witness did not start: ${output}`);
  }
  const vkey = /rely on it: (\S+)/.exec(output)?.[1] ?? '';
  return {
    url: `http://127.0.0.1:${port}`,
    healthUrl: `http://127.0.0.1:${healthPort}`,
    verifier: parseVerifierKey(vkey),
    output: () => output,
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}
