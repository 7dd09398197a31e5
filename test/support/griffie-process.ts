import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '#shared/runtime';

const program = join(packageRoot, 'dist/services/cli/main.js');

/** Whether `npm run build` has been run: processes of their own run what it made. */
export const isBuilt: boolean = existsSync(program);

export interface GriffieProcess {
  readonly child: ChildProcess;
  /** Standard output and error so far. */
  output(): string;
  /** Resolves once the process says so, or rejects with its output where it ends or a minute passes. */
  says(text: string): Promise<void>;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Runs `griffie` as a process of its own. */
export function startGriffie(args: readonly string[]): GriffieProcess {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  return {
    child,
    output: () => output,
    says: async (text) => {
      for (let waited = 0; waited < 60_000; waited += 20) {
        if (output.includes(text)) return;
        if (child.exitCode !== null || child.signalCode !== null) break;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`griffie did not say "${text}": ${output}`);
    },
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Runs one command to its end. */
export async function runGriffie(
  args: readonly string[],
  stdin = '',
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const collect = (stream: NodeJS.ReadableStream): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      stream.once('end', () => resolve(text));
    });
  const outputs = Promise.all([collect(child.stdout), collect(child.stderr)]);
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const code = await new Promise<number | null>((resolve) => child.once('exit', (status) => resolve(status)));
  const [stdout, stderr] = await outputs;
  return { code, stdout, stderr };
}
