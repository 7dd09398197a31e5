import {
  appendFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, describe, expect, it } from 'vitest';
import {
  openArchive,
  packageLimits,
  readPackage,
  sealPackage,
  stagePackage,
} from '#shared/disclosure-package';
import type { ReleasedRecord } from '#shared/traffic';
import { memberNames } from '../../../shared/disclosure-package/names.ts';
import { writePackageFile } from '../../support/package-file.ts';
import { inPieces, lineSource, storedLines } from '../../support/released-lines.ts';
import { makePackage, packageRequest, parties, receipt, record, records, scope } from './support.ts';

const who = await parties();
afterAll(() => who.close());

const read = (name: string, identity = who.identity) =>
  readPackage({
    file: join(who.folder, `${name}.tar`),
    identities: [identity],
    manifestKey: who.manifestKey,
    outFolder: join(who.folder, `${name}.out`),
  });
const lines = (path: string): unknown[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

describe('a package', () => {
  it('gives its recipient the records as they went in, the report, the manifest and the receipt', async () => {
    const { staged, file } = await makePackage(who, 'small');
    const result = await read('small');
    if (!result.ok) throw new Error(result.code);
    const out = join(who.folder, 'small.out');
    expect(result.manifest).toEqual(staged.manifest);
    expect(result.digests).toEqual(staged.digests);
    expect(result.receipt).toEqual(receipt);
    expect(lines(join(out, 'parts/0001.ndjson'))).toEqual(Array.from({ length: 10 }, (_, i) => record(i)));
    expect(readFileSync(join(out, 'parts/report.pdf')).toString('latin1', 0, 5)).toBe('%PDF-');
    expect(readFileSync(join(out, 'manifest.jws'), 'utf8')).toBe(staged.manifestJws);
    expect(result.files.every((name) => existsSync(join(out, name)))).toBe(true);
    expect(result.manifest).toMatchObject({ records: 10, completeness: { state: 'complete', reasons: [] } });
    expect((await openArchive(join(who.folder, 'small.sealed'))).bytes).toBe(statSync(file).size);
  });

  it('is for its owner’s eyes only, on the server and where it is opened', async () => {
    await makePackage(who, 'modes');
    await read('modes');
    const modeOf = (name: string): number => statSync(join(who.folder, name)).mode & 0o777;
    for (const name of ['modes.sealed', 'modes.sealed/parts', 'modes.out', 'modes.out/parts']) {
      expect(modeOf(name), name).toBe(0o700);
    }
    for (const name of ['modes.sealed/manifest.tlog-proof', 'modes.out/parts/0001.ndjson']) {
      expect(modeOf(name), name).toBe(0o600);
    }
  });

  it('without records has the report and says so, with the reasons', async () => {
    await makePackage(who, 'none', {
      records: records(0),
      incompleteBecause: () => ['window.before_data'],
      window: {
        asked: { from: '2025-01-01T00:00:00.000Z', to: '2025-02-01T00:00:00.000Z' },
        available: null,
      },
    });
    const result = await read('none');
    if (!result.ok) throw new Error(result.code);
    expect(result.manifest.completeness).toEqual({ state: 'none', reasons: ['window.before_data'] });
    expect(readdirSync(join(who.folder, 'none.out/parts'))).toEqual(['report.pdf']);
  });

  it('of many parts keeps every record once, in order, and each part within its bound', async () => {
    await makePackage(who, 'many', { records: records(500), partBytes: 4096 });
    const result = await read('many');
    if (!result.ok) throw new Error(result.code);
    const parts = result.manifest.parts.slice(0, -1);
    expect(parts.length).toBeGreaterThan(50);
    expect(parts.every(({ bytes }) => bytes <= 4096)).toBe(true);
    const all = parts.flatMap(({ name }) => lines(join(who.folder, 'many.out', name.replace('.age', ''))));
    expect(all).toEqual(Array.from({ length: 500 }, (_, index) => record(index)));
  });

  it('that is capped on the way says incomplete, since the reason is asked for after the last record', async () => {
    let capped = false;
    async function* cappedRecords() {
      yield* records(3);
      capped = true;
    }
    const { staged } = await makePackage(who, 'capped', {
      records: lineSource(cappedRecords),
      incompleteBecause: () => (capped ? ['result.capped'] : []),
    });
    expect(staged.manifest.completeness).toEqual({ state: 'incomplete', reasons: ['result.capped'] });
  });

  it('opens with any recipient’s key and with no other', async () => {
    const second = await generateIdentity();
    const stranger = await generateIdentity();
    await makePackage(who, 'two', { recipients: [who.recipient, await identityToRecipient(second)] });
    expect((await read('two', second)).ok).toBe(true);
    await makePackage(who, 'stranger');
    expect(await read('stranger', stranger)).toEqual({
      ok: false,
      code: 'package.undecryptable',
      member: 'manifest.jws.age',
    });
    expect(await read('stranger', 'AGE-SECRET-KEY-1X')).toEqual({ ok: false, code: 'package.identity' });
  });

  it('never has a record’s text on the server’s disk, staged or sealed', async () => {
    const secret = 'zoek-mij@geheim.example';
    const planted = records(200, { recipientAddress: secret });
    const staged = await stagePackage(packageRequest(who, 'planted', { records: planted }));
    const members = ['manifest.jws.age', 'VERIFY.txt', 'parts/0001.ndjson.age', 'parts/report.pdf.age'];
    for (const name of members) {
      expect(readFileSync(join(staged.folder, name)).includes(secret), name).toBe(false);
    }
    const [sealed, file] = [join(who.folder, 'planted.sealed'), join(who.folder, 'planted.tar')];
    await sealPackage(staged.folder, receipt, sealed);
    await writePackageFile(sealed, file);
    expect(readFileSync(file).includes(secret)).toBe(false);
    expect(existsSync(staged.folder)).toBe(false);
  });

  it('is sealed from its folder and receipt alone, so a crash before the end costs nothing', async () => {
    const staged = await stagePackage(packageRequest(who, 'again'));
    const copy = `${staged.folder}.copy`;
    cpSync(staged.folder, copy, { recursive: true });
    // Cut off after the receipt, before the rename.
    writeFileSync(join(copy, memberNames.receipt), receipt);
    const bytes: Buffer[] = [];
    for (const [index, from] of [staged.folder, copy].entries()) {
      const [sealed, file] = [
        join(who.folder, `again${index}.sealed`),
        join(who.folder, `again${index}.tar`),
      ];
      await sealPackage(from, receipt, sealed);
      await writePackageFile(sealed, file);
      bytes.push(readFileSync(file));
    }
    expect(bytes[1]?.equals(bytes[0] ?? Buffer.alloc(0))).toBe(true);
  });

  it('is not handed on where a member is missing, or changes on the way', async () => {
    const { staged } = await makePackage(who, 'damaged');
    const sealed = join(who.folder, 'damaged.sealed');
    const part = join(sealed, memberNames.records(1));
    const archive = await openArchive(sealed);
    appendFileSync(part, 'x');
    await expect(archive.read().toArray()).rejects.toMatchObject({ code: 'package.staging' });
    rmSync(join(sealed, memberNames.report));
    await expect(openArchive(sealed)).rejects.toMatchObject({ code: 'package.staging' });
    expect(existsSync(staged.folder)).toBe(false);
  });

  it('leaves no folder behind when the records’ source fails', async () => {
    async function* failing() {
      yield* records(5);
      throw new Error('store is gone');
    }
    const request = packageRequest(who, 'failing', { records: lineSource(failing) });
    await expect(stagePackage(request)).rejects.toThrow('store is gone');
    expect(existsSync(request.folder)).toBe(false);
  });

  it.each([
    ['a field that was not granted', record(1), { deliveryHostName: 'mail.voorbeeld.example' }],
    ['another type', record(1), { type: 'message.queued' }],
    ['a time outside of the scope', record(1), { occurredAt: scope.to }],
    ['a record that was stored later', record(1), { collectedAt: '2026-11-20T12:00:00.001Z' }],
    ['a value that is not valid', record(1), { senderIp: 'klant1@voorbeeld.example' }],
  ])('is not made of lines with %s, and does not quote them', async (_, good, change) => {
    const bad = storedLines([good, { ...good, ...change } as ReleasedRecord]);
    const request = packageRequest(who, 'unproven', {
      records: lineSource(async function* () {
        yield bad;
      }),
    });
    await expect(stagePackage(request)).rejects.toMatchObject({
      code: 'package.record_invalid',
      message: expect.not.stringContaining('klant'),
    });
    expect(existsSync(request.folder)).toBe(false);
  });

  it('is not made of lines that lie outside of their slice', async () => {
    const slice = { from: scope.from, to: record(1).occurredAt ?? '', expected: 2 };
    const request = packageRequest(who, 'slice', {
      records: lineSource(async function* () {
        yield { ...storedLines([record(0), record(1)]), slice };
      }),
    });
    await expect(stagePackage(request)).rejects.toMatchObject({ code: 'package.record_invalid' });
  });

  it('has each event once, wherever it came again, and asks about what it may have seen alone', async () => {
    const twice = [...Array.from({ length: 40 }, (_, index) => record(index)), record(3), record(17)];
    const asked: string[] = [];
    const source = inPieces(twice);
    const { staged } = await makePackage(who, 'once', {
      records: {
        ...source,
        async eventsBefore(time, ids) {
          expect(time).toBe('2000-01-01T00:00:00.000Z');
          asked.push(...ids);
          return new Set(ids);
        },
      },
    });
    expect(staged.manifest.records).toBe(40);
    expect(asked).toEqual([record(3).eventId, record(17).eventId]);
    expect((await read('once')).ok).toBe(true);
    expect(lines(join(who.folder, 'once.out/parts/0001.ndjson'))).toEqual(twice.slice(0, 40));
  });

  it('is given up where nobody can say what an earlier slice had', async () => {
    const request = packageRequest(who, 'unanswered', {
      records: {
        ...inPieces([record(1), record(2), record(1)], 2),
        eventsBefore: () => Promise.reject(new Error('store is gone')),
      },
    });
    await expect(stagePackage(request)).rejects.toThrow('store is gone');
    expect(existsSync(request.folder)).toBe(false);
  });

  it('tells how much of it is encrypted, the last time all of it', async () => {
    const told: { records: number; bytes: number }[] = [];
    const staged = await stagePackage(
      packageRequest(who, 'told', { records: records(200), told: (soFar) => told.push(soFar) }),
    );
    expect(told.at(-1)).toEqual({ records: 200, bytes: staged.manifest.parts[0]?.bytes });
    const counts = told.map((soFar) => soFar.records);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts.slice(0, 3)).toEqual([7, 14, 21]);
  });

  it('lets go of the records’ source when a record is too large for any part', async () => {
    let closed = false;
    async function* watched() {
      try {
        yield* records(100);
      } finally {
        closed = true;
      }
    }
    await expect(
      stagePackage(packageRequest(who, 'large', { records: lineSource(watched), partBytes: 100 })),
    ).rejects.toMatchObject({ code: 'package.record_too_large' });
    expect(closed).toBe(true);
  });

  it.each([
    ['no recipient', []],
    ['a broken checksum', [`${who.recipient.slice(0, -1)}${who.recipient.endsWith('q') ? 'p' : 'q'}`]],
    ['a recipient of another kind', ['ssh-ed25519 AAAA']],
    ['too many', Array<string>(packageLimits.recipients + 1).fill(who.recipient)],
  ])('is not made for %s', async (_, recipients) => {
    await expect(stagePackage(packageRequest(who, 'recipients', { recipients }))).rejects.toMatchObject({
      code: 'package.recipients',
    });
  });

  it('is not sealed from a folder that holds anything else, nor without a receipt', async () => {
    const staged = await stagePackage(packageRequest(who, 'spare'));
    const sealed = join(who.folder, 'spare.sealed');
    await expect(sealPackage(staged.folder, Buffer.alloc(0), sealed)).rejects.toMatchObject({
      code: 'package.receipt',
    });
    writeFileSync(join(staged.folder, 'parts/0003.ndjson.age'), 'x');
    await expect(sealPackage(staged.folder, receipt, sealed)).rejects.toMatchObject({
      code: 'package.staging',
    });
    expect(existsSync(sealed)).toBe(false);
  });
});
