import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openCaseFiles } from '#shared/case-files';
import { packageRoot } from '#shared/runtime';
import { makeSmallInstallation, type SmallInstallation } from '../../support/small-installation.ts';
import { run } from '../../unit/cli/support.ts';

const text = readFileSync(join(packageRoot, 'docs/keys.md'), 'utf8');
/** Every line of the shell blocks, in their order. */
const commands = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
  .flatMap(([, block = '']) => block.trimEnd().split('\n'))
  .map((line) => line.split(' '));

let at: SmallInstallation;
const startFolder = process.cwd();
beforeAll(async () => {
  at = await makeSmallInstallation();
  const { keys, ledger } = await at.open();
  await ledger.close();
  const cases = await openCaseFiles(at.path('cases'), keys.caseMasterKey);
  await cases.put('01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e', 'order-v1', Buffer.from('the order'));
  symlinkSync(at.path(''), at.path('griffie-data'));
  process.chdir(at.path(''));
});
afterAll(async () => {
  process.chdir(startFolder);
  await at.remove();
});

it('every command of the guide about keys works as it stands, one after the other', async () => {
  expect(commands.length).toBeGreaterThan(3);
  for (const [program, ...args] of commands) {
    expect(program).toBe('griffie');
    const { exitCode, stderr } = await run(args, { now: () => at.clock.now() });
    expect({ command: args.join(' '), exitCode, stderr }).toEqual({
      command: args.join(' '),
      exitCode: 0,
      stderr: '',
    });
  }
  expect(readFileSync('case-identity.txt', 'utf8')).toContain('AGE-SECRET-KEY-1');
});
