import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Decrypter } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type CaseFiles,
  createMasterKey,
  generateMasterKey,
  masterKeyFileText,
  openCaseFiles,
  readCaseKey,
  rewrapCases,
  rotateMasterKeyFile,
} from '#shared/case-files';

const [one, two] = ['01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e', '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9f'] as const;
const [older, newer] = [generateMasterKey(), generateMasterKey()];

let folder: string;
let cases: CaseFiles;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'griffie-cases-'));
  cases = await openCaseFiles(folder, createMasterKey(older));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const put = (orderId: string, text: string, name = 'order-v1', into = cases): Promise<string> =>
  into.put(orderId, name, Buffer.from(text));
const read = async (from: CaseFiles, orderId: string, digest: string, name = 'order-v1'): Promise<string> =>
  Buffer.from(await from.get(orderId, name, digest)).toString('utf8');
const at = (orderId: string, file: string): string => join(folder, orderId, file);

describe('a case file', () => {
  it('comes back as it was, and lies there encrypted', async () => {
    const digest = await put(one, 'about alice@example.nl');
    expect(await read(cases, one, digest)).toBe('about alice@example.nl');
    for (const name of await readdir(join(folder, one))) {
      expect(await readFile(at(one, name), 'latin1')).not.toContain('alice');
    }
  });

  it('opens with any age and the key of its case; its digest is that of the ledger', async () => {
    const digest = await put(one, 'the order');
    const decrypter = new Decrypter();
    decrypter.addIdentity(await readCaseKey(folder, one, createMasterKey(older)));
    const opened = await decrypter.decrypt(await readFile(at(one, 'order-v1.age')));
    expect(createHash('sha256').update(opened).digest('hex')).toBe(digest);
  });

  it('opens with the key of its own case only', async () => {
    await put(one, 'the order');
    await put(two, 'another order');
    const decrypter = new Decrypter();
    decrypter.addIdentity(await readCaseKey(folder, two, createMasterKey(older)));
    await expect(decrypter.decrypt(await readFile(at(one, 'order-v1.age')))).rejects.toThrow();
  });

  it.each([
    ['lost', 'case_file.missing', (_: string) => rm(at(one, 'order-v1.age'))],
    ['lost with its key', 'case_file.missing', () => rm(at(one, 'case-key.json'))],
    [
      'changed by a byte',
      'case_file.altered',
      async () => {
        const bytes = await readFile(at(one, 'order-v1.age'));
        bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
        await writeFile(at(one, 'order-v1.age'), bytes);
      },
    ],
    [
      "another order's",
      'case_file.altered',
      () => copyFile(at(two, 'order-v1.age'), at(one, 'order-v1.age')),
    ],
    [
      "another order's, with that order's key",
      'case_file.altered',
      async () => {
        await copyFile(at(two, 'order-v1.age'), at(one, 'order-v1.age'));
        await copyFile(at(two, 'case-key.json'), at(one, 'case-key.json'));
      },
    ],
    [
      'another file of the case',
      'case_file.altered',
      () => copyFile(at(one, 'document-v1.age'), at(one, 'order-v1.age')),
    ],
    ['an older version', 'case_file.altered', (before: string) => copyFile(before, at(one, 'order-v1.age'))],
    ['under a key that is none', 'case_file.altered', () => writeFile(at(one, 'case-key.json'), '{}')],
  ])('that is %s is found at use', async (_, code, damage) => {
    const before = join(folder, 'older.age');
    await put(one, 'the order as it first was');
    await copyFile(at(one, 'order-v1.age'), before);
    await rm(at(one, 'order-v1.age'));
    const digest = await put(one, 'the order');
    await put(one, 'the document', 'document-v1');
    await put(two, 'another order');
    await damage(before);
    await expect(cases.get(one, 'order-v1', digest)).rejects.toMatchObject({ code });
  });

  it('is not written over by another of its name, whoever puts it', async () => {
    const elsewhere = await openCaseFiles(folder, createMasterKey(older));
    await put(one, 'the key comes first', 'request-1');
    const digests = await Promise.all(
      Array.from({ length: 8 }, (_, i) => put(one, `order ${i}`, 'order-v1', i % 2 ? cases : elsewhere)),
    );
    for (const [i, digest] of digests.entries()) {
      expect(await read(cases, one, digest)).toBe(`order ${i}`);
      expect(await read(elsewhere, one, digest)).toBe(`order ${i}`);
    }
    expect(await readdir(join(folder, one))).toContain('order-v1.age');
    expect((await readdir(join(folder, one))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('is locked under a master key that is not here', async () => {
    const digest = await put(one, 'the order');
    const elsewhere = await openCaseFiles(folder, createMasterKey(newer));
    await expect(elsewhere.get(one, 'order-v1', digest)).rejects.toMatchObject({ code: 'case_file.locked' });
  });

  it('gets no second key where its case has lost the first', async () => {
    await put(one, 'the order');
    await rm(at(one, 'case-key.json'));
    await expect(put(one, 'a request', 'request-1')).rejects.toMatchObject({ code: 'case_file.missing' });
  });

  it('is gone once its case was erased, key first, and other cases stay', async () => {
    const digest = await put(one, 'the order');
    const other = await put(two, 'another order');
    await cases.erase(one);
    await cases.erase(one);
    expect(await readdir(folder)).toEqual([two]);
    await expect(cases.get(one, 'order-v1', digest)).rejects.toMatchObject({ code: 'case_file.missing' });
    expect(await read(cases, two, other)).toBe('another order');
  });

  it.each(['..', 'x', `${one}/..`])('has no order of the id %s', async (orderId) => {
    await expect(put(orderId, 'x')).rejects.toThrow(TypeError);
  });
});

describe('a master key', () => {
  it.each([
    ['nothing', ''],
    ['only a comment', '# key\n'],
    ['a key that is cut', generateMasterKey().slice(0, -1)],
    ['another word', 'secret'],
    ['a key with something behind it', `${generateMasterKey()}x`],
  ])('is not %s, and the error quotes nothing', (_, text) => {
    expect(() => createMasterKey(text)).toThrow(/^the master keys of the case files/);
    try {
      createMasterKey(text);
    } catch (error) {
      if (text.length > 10) expect(String(error)).not.toContain(text.slice(-10));
    }
  });

  it('is the last of several, and each of them unwraps', async () => {
    const digest = await put(one, 'the order');
    const both = await openCaseFiles(folder, createMasterKey(`${older},${newer}`));
    const later = await put(two, 'another order', 'order-v1', both);
    expect(await read(both, one, digest)).toBe('the order');
    const alone = await openCaseFiles(folder, createMasterKey(newer));
    expect(await read(alone, two, later)).toBe('another order');
  });

  it('wraps for one case: what it wrapped is of no use for another', async () => {
    const master = createMasterKey(older);
    const wrapped = await master.wrap(Buffer.from('key'), 'case one');
    expect(await master.unwrap(wrapped, 'case two')).toBe('altered');
    expect(await createMasterKey(newer).unwrap(wrapped, 'case one')).toBe('unknown_key');
    expect(Buffer.from((await master.unwrap(wrapped, 'case one')) as Uint8Array).toString()).toBe('key');
  });
});

describe('its rotation', () => {
  let keyFile: string;
  beforeEach(async () => {
    keyFile = join(folder, 'case-master-keys.txt');
    await writeFile(keyFile, masterKeyFileText([older]), { mode: 0o600 });
  });
  const opened = async (): Promise<CaseFiles> =>
    openCaseFiles(folder, createMasterKey(await readFile(keyFile, 'utf8')));

  it('leaves every case readable, and the old key of no use', async () => {
    const digests = [await put(one, 'the order'), await put(two, 'another order')] as const;
    const { from, to, cases: count, resumed } = await rotateMasterKeyFile(keyFile, folder);
    expect({ from, count, resumed }).toEqual({ from: createMasterKey(older).id, count: 2, resumed: false });
    expect(createMasterKey(await readFile(keyFile, 'utf8')).id).toBe(to);
    expect(await readFile(keyFile, 'utf8')).not.toContain(older);
    const now = await opened();
    expect(await read(now, one, digests[0])).toBe('the order');
    expect(await read(now, two, digests[1])).toBe('another order');
    await expect(cases.get(one, 'order-v1', digests[0])).rejects.toMatchObject({ code: 'case_file.locked' });
  });

  it('makes what a backup has of an erased case unreadable', async () => {
    await put(one, 'the order');
    const backup = await readFile(at(one, 'case-key.json'), 'utf8');
    await cases.erase(one);
    await rotateMasterKeyFile(keyFile, folder);
    await put(two, 'another order', 'order-v1', await opened());
    await writeFile(at(two, 'case-key.json'), backup);
    await expect(
      readCaseKey(folder, two, createMasterKey(await readFile(keyFile, 'utf8'))),
    ).rejects.toMatchObject({ code: 'case_file.locked' });
  });

  it('goes on where it was cut off, with the key that was made then', async () => {
    const digest = await put(one, 'the order');
    await writeFile(keyFile, masterKeyFileText([older, newer]), { mode: 0o600 });
    // A service that starts in between reads what is under either key, and writes under the new one.
    const between = await put(two, 'another order', 'order-v1', await opened());
    expect(await read(await opened(), one, digest)).toBe('the order');
    const { to, resumed } = await rotateMasterKeyFile(keyFile, folder);
    expect({ to, resumed }).toEqual({ to: createMasterKey(newer).id, resumed: true });
    expect(await read(await opened(), one, digest)).toBe('the order');
    expect(await read(await opened(), two, between)).toBe('another order');
  });

  it('keeps the old key while a case cannot be unwrapped', async () => {
    await put(one, 'the order');
    await put(two, 'another order');
    await copyFile(at(one, 'case-key.json'), at(two, 'case-key.json'));
    await expect(rotateMasterKeyFile(keyFile, folder)).rejects.toMatchObject({
      code: 'case_file.not_rewrapped',
      message: expect.stringContaining(two),
    });
    expect(await readFile(keyFile, 'utf8')).toContain(older);
  });

  it('wraps nothing twice', async () => {
    await put(one, 'the order');
    const both = createMasterKey(`${older}\n${newer}`);
    expect(await rewrapCases(folder, both)).toEqual({ cases: 1, rewrapped: 1 });
    expect(await rewrapCases(folder, both)).toEqual({ cases: 1, rewrapped: 0 });
  });
});
