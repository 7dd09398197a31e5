import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '#shared/runtime';
import { isBuilt } from '../support/griffie-process.ts';

/** The shell commands of a document from one heading to the next, in their order. */
function commandsUnder(document: string, heading: string): string {
  const text = readFileSync(join(packageRoot, document), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code]) => code).join('\n');
}

/**
 * Runs commands as a person would paste them, in a folder of its own that looks like a checkout. `npx` is
 * the one thing replaced: it would look for the program in that folder.
 */
async function paste(
  commands: string,
  port: number,
): Promise<{ code: number | null; output: string; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-doc-'));
  await symlink(join(packageRoot, 'test'), join(folder, 'test'));
  const program = join(packageRoot, 'dist/services/cli/main.js');
  const script = [
    'set -euo pipefail',
    `npx() { shift; '${process.execPath}' '${program}' "$@"; }`,
    commands
      .replaceAll('8425', String(port))
      .replaceAll(/npx griffie start (.*) &/g, `npx griffie start $1 --listen 127.0.0.1:${port} &`),
  ].join('\n');
  await writeFile(join(folder, 'pasted.sh'), script);
  // A process group of its own: what the commands leave in the background ends with them.
  const child = spawn('bash', ['pasted.sh'], { cwd: folder, detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  await endGroup(child.pid);
  return { code, output, folder };
}

/** Ends a group of processes, and waits until none of them is left: they write in their folder until then. */
async function endGroup(leader: number | undefined): Promise<void> {
  if (leader === undefined) return;
  let signal: NodeJS.Signals | 0 = 'SIGTERM';
  for (let waited = 0; waited < 30_000; waited += 50) {
    try {
      process.kill(-leader, signal);
    } catch {
      return; // nothing is left
    }
    signal = 0;
    await sleep(50);
  }
}

describe.skipIf(!isBuilt)('every command of the documents works as it stands (needs npm run build)', () => {
  it('README: a first disclosure in five minutes', async () => {
    const commands = commandsUnder('README.md', 'A first disclosure');
    expect(commands).toContain('griffie package open');
    const { code, output, folder } = await paste(commands, 18_426);
    expect(output.slice(-2000)).toContain('checkpoint');
    expect(code, output).toBe(0);
    expect(existsSync(join(folder, 'disclosure/parts/report.pdf'))).toBe(true);
    expect(readFileSync(join(folder, 'disclosure/parts/0001.ndjson'), 'utf8')).toContain('alice@example.nl');
    await rm(folder, { recursive: true, force: true });
  }, 240_000);

  it('operators: try a log, start, watch', async () => {
    const commands = ['Try your own log', 'Start', 'Watch'].map((heading) =>
      commandsUnder('docs/operators.md', heading),
    );
    const { code, output, folder } = await paste(commands.join('\n'), 18_427);
    expect(code, output).toBe(0);
    expect(output).toContain('mail-log');
    expect(readFileSync(join(folder, 'events.ndjson'), 'utf8').trimEnd().split('\n').length).toBeGreaterThan(
      2000,
    );
    await rm(folder, { recursive: true, force: true });
  }, 120_000);

  it('README: the demo', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'griffie-doc-'));
    const { code, output } = await paste(`npx griffie demo --out ${folder}/out`, 18_428);
    expect(code, output).toBe(0);
    for (const refusal of [
      'order.unknown',
      'order.not_approved',
      'order.own_registration',
      'scope.target_not_in_order',
      'proof.replayed',
      'proof.body',
      'order.expired',
    ]) {
      expect(output).toContain(`refused (${refusal})`);
    }
    expect(existsSync(join(folder, 'out/disclosure/parts/report.pdf'))).toBe(true);
    await rm(folder, { recursive: true, force: true });
  }, 120_000);
});
