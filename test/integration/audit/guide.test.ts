import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '#shared/runtime';
import { type ServiceUnderTest, startService } from '../cli/against-service.ts';
import { copyLedger } from './history.ts';

/** Every `griffie …` line of the guide's shell blocks, in their order. */
function commands(): string[][] {
  const text = readFileSync(join(packageRoot, 'docs/auditors.md'), 'utf8');
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
    .flatMap(([, block = '']) => block.trimEnd().split('\n'))
    .map((line) => line.split(' '));
}

describe('every command of the guide for auditors works as it stands', () => {
  let world: ServiceUnderTest;
  let disclosureId: string;
  const startFolder = process.cwd();

  beforeAll(async () => {
    world = await startService();
    const { service, folder } = world;
    const auditor = await world.person('auditor');
    const officer = await service.enrol('officer');
    const orderId = await service.approvedOrder();
    const requested = await officer.call('POST', '/v1/disclosures', { body: { orderId } });
    ({ disclosureId } = requested.body);
    await service.finished(officer, disclosureId);
    cpSync(auditor, folder.path('auditor.json'));
    copyLedger(world.ledgerFolder, folder.path('ledger-copy'));
    cpSync(join(service.folder, 'cases'), folder.path('cases-copy'), { recursive: true });
    writeFileSync(folder.path('case-master-keys.txt'), service.caseMasterKeys, { mode: 0o600 });
    process.chdir(folder.path(''));
  });
  afterAll(async () => {
    process.chdir(startFolder);
    await world.stop();
  });

  it('one after the other', async () => {
    expect(commands().length).toBeGreaterThan(8);
    for (const [program, ...args] of commands()) {
      expect(program).toBe('griffie');
      const adapted = args.map((arg) =>
        arg === '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e' ? disclosureId : arg,
      );
      const ran = await world.griffie(...adapted);
      expect({ command: args.join(' '), exitCode: ran.exitCode, stderr: ran.stderr }).toEqual({
        command: args.join(' '),
        exitCode: 0,
        stderr: '',
      });
    }
    expect(readFileSync('ledger.csv', 'utf8')).toContain('disclosure.released');
    expect(readFileSync('griffie.seen', 'utf8')).toContain('griffie-audit-state/v1');
  });
});
