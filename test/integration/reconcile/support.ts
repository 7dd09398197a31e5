import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../unit/cli/support.ts';
import type { RetentionWorld } from '../retention/support.ts';

interface Figures {
  readonly day: string;
  readonly source: string;
  readonly lines: number;
  readonly events: number;
  readonly stored: number;
  readonly rejected: number;
  readonly again: number;
  readonly expired: number;
  readonly disclosed: number;
  readonly difference: { readonly lines: number; readonly missing: number; readonly surplus: number };
}

/** What `griffie reconcile` says of an export of the ledger. */
export async function reconcileExport(
  world: RetentionWorld,
  ...args: string[]
): Promise<{ exitCode: number; days: Figures[]; told: string[] }> {
  const file = join(world.service.folder, 'export.ndjson');
  const lines: string[] = [];
  let index = 0;
  for await (const { entry } of world.service.ledger.entries()) {
    lines.push(JSON.stringify({ index: index++, entry }));
  }
  await writeFile(file, `${lines.join('\n')}\n`);
  const ran = await run(['reconcile', file, '--json', ...args]);
  const told = ran.exitCode === 0 ? [] : (ran.error().problems ?? []).map(({ sentence }) => sentence);
  return { exitCode: ran.exitCode, days: ran.json().days as Figures[], told };
}
