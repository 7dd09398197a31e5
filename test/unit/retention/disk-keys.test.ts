import { describe, expect, it } from 'vitest';
import { type DiskKeyDraft, decideDiskKey, diskOfKey, type RecordedDiskKey } from '#shared/control';

const at = '2026-11-23T00:00:05.000Z';
const digest = (id: number): string => String(id).repeat(64).slice(0, 64);
const created = (id: number, createdAt: string): DiskKeyDraft => ({
  kind: 'disk_key.created',
  details: { keyId: id, fingerprintSha256: digest(id), createdAt },
});
const covered = (id: number, change: { from?: string; to?: string; fingerprintSha256?: string } = {}) => ({
  keyId: id,
  fingerprintSha256: digest(id),
  from: '2026-05-01',
  to: '2026-05-08',
  filesChecked: 40,
  ...change,
});
const retired = (...args: Parameters<typeof covered>): DiskKeyDraft => ({
  kind: 'disk_key.retired',
  details: covered(...args),
});
const destroyed = (...args: Parameters<typeof covered>): DiskKeyDraft => ({
  kind: 'disk_key.destroyed',
  details: { ...covered(...args), destroyedAt: at, how: 'erased' },
});
const first = created(1, '2026-05-01T00:00:02.000Z');
const second = created(2, '2026-05-08T00:00:02.000Z');

function keysAfter(...drafts: readonly DiskKeyDraft[]): RecordedDiskKey[] {
  return drafts.reduce<RecordedDiskKey[]>((keys, draft) => {
    const decision = decideDiskKey(keys, draft, at);
    if (!decision.ok) throw new Error(decision.code);
    return decision.keys;
  }, []);
}
const codeOf = (keys: readonly RecordedDiskKey[], draft: DiskKeyDraft): string | null => {
  const decision = decideDiskKey(keys, draft, at);
  return decision.ok ? null : decision.code;
};

describe('entries about keys of the disk', () => {
  it('a key is made, followed, retired, destroyed; what is destroyed is known no more', () => {
    expect(keysAfter(first, second)).toEqual([
      { ...first.details, usedUntil: '2026-05-08T00:00:02.000Z', retired: false },
      { ...second.details, usedUntil: null, retired: false },
    ]);
    expect(keysAfter(first, second, retired(1), destroyed(1)).map(({ keyId }) => keyId)).toEqual([2]);
  });

  it('keys of several disks are made, followed and destroyed apart', () => {
    const disk = 2;
    const [firstOfOther, secondOfOther] = [1_777_593_602_000 + disk, 1_778_198_402_000 + disk];
    expect([diskOfKey(1_777_593_602), diskOfKey(firstOfOther)]).toEqual([0, disk]);
    const other = [
      created(firstOfOther, '2026-05-01T00:00:02.000Z'),
      created(secondOfOther, '2026-05-08T00:00:02.000Z'),
    ] as const;
    const all = keysAfter(first, other[0], second, other[1]);
    expect(all.map(({ keyId, usedUntil }) => [keyId, usedUntil !== null])).toEqual([
      [1, true],
      [firstOfOther, true],
      [2, false],
      [secondOfOther, false],
    ]);
    // The last key of each disk is in use, whatever the other has.
    expect(codeOf(all, retired(secondOfOther))).toBe('disk_key.in_use');
    expect(codeOf(keysAfter(first, other[0]), retired(1))).toBe('disk_key.in_use');
    expect(codeOf(all, retired(firstOfOther))).toBeNull();
  });

  it.each<[string, RecordedDiskKey[], DiskKeyDraft]>([
    ['disk_key.not_later', keysAfter(first), first],
    ['disk_key.not_later', keysAfter(second), first],
    ['disk_key.not_later', [], created(1, '2026-11-23T00:00:05.001Z')],
    ['disk_key.unknown', [], retired(1)],
    ['disk_key.unknown', keysAfter(first, second), retired(3)],
    ['disk_key.unknown', keysAfter(first, second), retired(1, { fingerprintSha256: digest(9) })],
    ['disk_key.in_use', keysAfter(first), retired(1)],
    ['disk_key.in_use', keysAfter(first, second), destroyed(1)],
    ['disk_key.differs', keysAfter(first, second), retired(1, { to: '2026-05-07' })],
    ['disk_key.differs', keysAfter(first, second, retired(1)), destroyed(1, { from: '2026-04-30' })],
    ['disk_key.differs', keysAfter(first, second, retired(1)), retired(1)],
    ['disk_key.unknown', keysAfter(first, second, retired(1), destroyed(1)), destroyed(1)],
  ])('%s', (code, keys, draft) => {
    expect(codeOf(keys, draft)).toBe(code);
  });
});
