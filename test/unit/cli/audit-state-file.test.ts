import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedger, createNoteSigner, generateNoteKey, type SignedCheckpoint } from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';
import {
  addCheckpoint,
  formatAuditState,
  parseAuditState,
  readAuditState,
} from '../../../services/cli/audit/state-file.ts';
import { entriesOf } from '../../support/ledger-entries.ts';
import { type Folder, makeFolder } from './support.ts';

const signer = createNoteSigner('log.example/griffie', generateNoteKey());
const key = signer.verifier;
const seenAt = '2026-11-22T18:14:11.000Z';

describe('what an auditor keeps between verifications', () => {
  let folder: Folder;
  const checkpoints: SignedCheckpoint[] = [];
  const seen = (index: number) => {
    const checkpoint = checkpoints[index];
    if (!checkpoint) throw new Error('no such checkpoint');
    return { ...checkpoint, seenAt };
  };

  beforeAll(async () => {
    folder = makeFolder();
    const ledger = await createLedger({ storage: createMemoryStorage(), signer });
    for (let i = 0; i < 4; i++) {
      await ledger.append(entriesOf(3));
      checkpoints.push(ledger.checkpoint());
    }
  });
  afterAll(() => folder.remove());

  it('is nothing before the first use', async () => {
    expect(await readAuditState(folder.path('none'))).toBeNull();
  });

  it('is every checkpoint, as the signed note that it came in', async () => {
    const path = folder.path('state');
    for (let i = 0; i < 3; i++) {
      await addCheckpoint(path, await readAuditState(path), [key], seen(i));
      const state = await readAuditState(path);
      expect(state?.seen).toEqual(Array.from({ length: i + 1 }, (_, n) => seen(n)));
      expect(state?.keys.map(({ vkey }) => vkey)).toEqual([key.vkey]);
    }
    for (const { note } of checkpoints.slice(0, 3)) expect(readFileSync(path, 'utf8')).toContain(note);
  });

  it('is not longer for a checkpoint that was seen last', async () => {
    const path = folder.path('same');
    await addCheckpoint(path, null, [key], seen(0));
    const before = readFileSync(path, 'utf8');
    await addCheckpoint(path, await readAuditState(path), [key], {
      ...seen(0),
      seenAt: '2027-01-01T00:00:00.000Z',
    });
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  it('stays small: the oldest are let go, and what is kept can be read again', async () => {
    const path = folder.write(
      'long',
      formatAuditState({ keys: [key], seen: Array.from({ length: 1000 }, () => seen(0)) }),
    );
    await addCheckpoint(path, await readAuditState(path), [key], seen(1));
    const state = await readAuditState(path);
    expect(state?.seen).toHaveLength(1000);
    expect(state?.seen.at(-1)).toEqual(seen(1));
  });

  it('is not written over what another verification wrote meanwhile', async () => {
    const path = folder.path('raced');
    await addCheckpoint(path, null, [key], seen(0));
    await expect(addCheckpoint(path, null, [key], seen(1))).rejects.toMatchObject({ code: 'file.changed' });
    expect((await readAuditState(path))?.seen).toHaveLength(1);
  });

  it('is refused where it is anything else', async () => {
    const good = formatAuditState({ keys: [key], seen: [seen(0), seen(1)] });
    expect(parseAuditState(good)).not.toBeNull();
    const other = createNoteSigner('log.example/griffie', generateNoteKey());
    const bad = [
      '',
      '\n',
      good.slice(0, -1),
      `${good}\n`,
      good.replace('v1', 'v2'),
      good.replace(seenAt, 'yesterday'),
      good.replace(key.vkey, other.verifier.vkey),
      good.replace('\n\n', '\n'),
      good.replaceAll('\n', '\r\n'),
    ];
    for (const text of bad) expect(parseAuditState(text)).toBeNull();
    const path = folder.write('bad', good.replace('v1', 'v2'));
    await expect(readAuditState(path)).rejects.toMatchObject({ code: 'file.damaged', exitCode: 2 });
  });
});
