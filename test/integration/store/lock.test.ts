import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openEmbeddedDatabase } from '#shared/store';

it('a data folder that another process has open is refused with its process id, and free when that dies', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-lock-'));
  const hold = `const { Session } = require('chdb'); new Session(process.argv[1]); console.log('open'); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['-e', hold, folder], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await once(holder.stdout, 'data');
    await expect(openEmbeddedDatabase({ folder })).rejects.toMatchObject({
      code: 'store.folder_in_use',
      message: expect.stringContaining(`another process (${holder.pid}, by its status file) has it open`),
    });
    holder.kill('SIGKILL');
    await once(holder, 'close');
    const database = await openEmbeddedDatabase({ folder });
    await database.command('SELECT 1');
    await database.close();
  } finally {
    holder.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});
