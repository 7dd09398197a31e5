import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '#shared/runtime';
import { type TrafficEvent, trafficEventSchema } from '#shared/traffic';
import type { SourceStatus } from '../../services/collector/index.ts';

/** A collector with one webhook source, in a process of its own (webhook-child.mjs). */
export class HookProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #folder: string;
  /** As it was last told. */
  status: (SourceStatus & { rssBytes: number }) | undefined;
  peakRssBytes = 0;

  constructor(folder: string, port: number) {
    this.#folder = folder;
    const script = join(packageRoot, 'test/fault/webhook-child.mjs');
    this.#child = spawn(process.execPath, [script, folder, String(port)], {
      cwd: packageRoot,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#exited = once(this.#child, 'exit');
    this.#child.stdin?.on('error', () => {});
    let text = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      const last = lines.at(-1);
      if (last === undefined) return;
      this.status = JSON.parse(last);
      this.peakRssBytes = Math.max(this.peakRssBytes, this.status?.rssBytes ?? 0);
    });
  }

  bus(mode: 'take' | 'refuse' | 'hang'): void {
    this.#child.stdin?.write(`${mode}\n`);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** What the bus acknowledged. */
  async events(): Promise<TrafficEvent[]> {
    const text = await readFile(join(this.#folder, 'events.ndjson'), 'utf8').catch(() => '');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
    // A line that a kill cut was not acknowledged.
    const parsed = whole.map((line) => {
      try {
        return trafficEventSchema.safeParse(JSON.parse(line)).data;
      } catch {
        return undefined;
      }
    });
    return parsed.filter((event) => event !== undefined);
  }
}
