import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { HttpEngine, HttpEngineOptions } from './http-engine.ts';

export interface HttpEngineProcess extends HttpEngine {
  readonly pid: number;
  /** SIGKILL; resolves once it is gone. Its data stay. */
  kill(): Promise<void>;
}

/** `startHttpEngine` in a process of its own, so that tests can kill it, or use folders of their own beside it. */
export async function startHttpEngineProcess(
  folder: string,
  options: HttpEngineOptions = {},
): Promise<HttpEngineProcess> {
  const program = fileURLToPath(new URL('./child.mjs', import.meta.url));
  const child = spawn(process.execPath, [program, folder, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const gone = once(child, 'exit').finally(() => process.off('exit', endWithUs));
  const address = once(createInterface(child.stdout), 'line').then(([line]) => String(line));
  const url = await Promise.race([address, gone.then(() => null)]);
  if (url === null) throw new Error('the engine behind HTTP did not start');
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await gone;
  };
  return { url, pid: child.pid ?? 0, kill: () => end('SIGKILL'), close: () => end('SIGTERM') };
}
