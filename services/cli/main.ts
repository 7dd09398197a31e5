#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { askSecret } from './ask-secret.ts';
import { createCli } from './cli.ts';
import { fetchWithCertificate } from './client-certificate.ts';
import type { SelfProcess } from './io.ts';

for (const stream of [process.stdout, process.stderr]) {
  // The write that fails says so itself; without a listener the event would end the process.
  stream.on('error', () => {});
}

function startSelf(args: readonly string[], logFile: string): SelfProcess {
  const [, program = ''] = process.argv;
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', log] });
  const { stdout } = child;
  if (stdout === null) throw new TypeError('a pipe was asked for');
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  // Ended by a signal or a fault, this process must not leave the other one behind.
  process.once('exit', () => child.kill('SIGKILL'));
  return {
    output: stdout,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

const cli = createCli({
  startSelf,
  get stdin(): AsyncIterable<Uint8Array> {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  now: () => Date.now(),
  fetch: fetchWithCertificate(process.env, globalThis.fetch),
  askSecret: process.stdin.isTTY
    ? (question) => askSecret(process.stdin, process.stderr, question)
    : undefined,
  onStop: (stop) => {
    // Once each: who asks a second time is not kept waiting.
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
  },
});
process.exitCode = await cli.run(process.argv.slice(2));
