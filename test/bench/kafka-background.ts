import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Cores, modulePath, pinned } from './child.ts';

/** A module of this folder that works as a process beside the measurement. */
export interface Background<Report> {
  /** Ends its standard input, with a text for it to read first, and gives what it reports. */
  end(text?: string): Promise<Report>;
}

/**
 * Starts a module, which prints `ready` once it is at work, and one line of JSON after its standard input
 * has ended.
 */
export async function startModule<Report>(
  name: string,
  args: readonly string[],
  cores: Cores = 'all',
): Promise<Background<Report>> {
  const [command, all] = pinned(process.execPath, [modulePath(name), ...args], cores);
  const child = spawn(command, all, { stdio: ['pipe', 'pipe', 'inherit'] });
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const exited = once(child, 'exit').then(() => process.off('exit', killWithUs));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${name} ended early`);
    return value;
  };
  if ((await next()) !== 'ready') throw new Error(`${name} did not start`);
  return {
    async end(text = '') {
      child.stdin.end(text);
      const report = JSON.parse(await next()) as Report;
      await exited;
      return report;
    },
  };
}
