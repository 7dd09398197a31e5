import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { KafkaConfig } from '#shared/bus';

const script = fileURLToPath(new URL('rsyslog-collector.mjs', import.meta.url));

/** A collector of the raw topic in a process of its own, which can be killed. It runs what was built. */
export class CollectorProcess {
  readonly #config: KafkaConfig;
  readonly #folder: string;
  #kill: () => Promise<void> = async () => {};
  /** Its source's status, as it printed that last. */
  status: Record<string, unknown> = {};

  constructor(config: KafkaConfig, folder: string) {
    this.#config = config;
    this.#folder = folder;
  }

  start(): void {
    const child = spawn(process.execPath, [script, JSON.stringify(this.#config), this.#folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const end = (): unknown => child.kill('SIGKILL');
    process.once('exit', end);
    const gone = once(child, 'exit').then(() => process.off('exit', end));
    let rest = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      const last = lines.at(-1);
      if (last !== undefined) this.status = JSON.parse(last);
    });
    this.#kill = async () => {
      child.kill('SIGKILL');
      await gone;
    };
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.#kill();
  }
}
