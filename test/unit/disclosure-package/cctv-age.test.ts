import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import * as cctv from 'cctv-age';
import { afterAll, describe, expect, it } from 'vitest';
import { decryptMember } from '../../../shared/disclosure-package/decrypt.ts';

/*
 * C2SP's CCTV vectors of age, through the path on which a package's members are decrypted. Left out: those
 * that need a passphrase, armour or a post-quantum identity, which a package never has.
 */

interface Vector {
  readonly name: string;
  readonly expect: string;
  readonly payload: string | undefined;
  readonly identity: string;
  readonly body: Buffer;
}

function parse(name: string, bytes: Uint8Array): Vector | null {
  const file = Buffer.from(bytes);
  const end = file.indexOf('\n\n');
  const fields = new Map(
    file
      .toString('latin1', 0, end)
      .split('\n')
      .map((line): [string, string] => [
        line.slice(0, line.indexOf(': ')),
        line.slice(line.indexOf(': ') + 2),
      ]),
  );
  const identity = fields.get('identity');
  const outcome = fields.get('expect');
  const isOurs =
    identity?.startsWith('AGE-SECRET-KEY-1') && !fields.has('passphrase') && !fields.has('armored');
  if (!isOurs || identity === undefined || outcome === undefined) return null;
  const raw = file.subarray(end + 2);
  const body = fields.get('compressed') === 'zlib' ? inflateSync(raw) : raw;
  return { name, expect: outcome, payload: fields.get('payload'), identity, body };
}

const vectors = Object.entries(cctv)
  .filter(([name, bytes]) => name !== 'default' && bytes instanceof Uint8Array)
  .flatMap(([name, bytes]) => parse(name, bytes) ?? []);
const folder = mkdtempSync(join(tmpdir(), 'griffie-cctv-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a member of a package, encrypted as in a CCTV vector of age,', () => {
  it.each(vectors)('is decrypted or refused as the vector says: $name', async (vector) => {
    const path = join(folder, vector.name);
    // As in a package, the member stands somewhere inside a file.
    writeFileSync(path, Buffer.concat([Buffer.alloc(512), vector.body, Buffer.alloc(512)]));
    const file = await open(path, 'r');
    const [encrypted, plain] = [createHash('sha256'), createHash('sha256')];
    try {
      const member = { name: vector.name, offset: 512, size: vector.body.length };
      const decrypted = await decryptMember(file, member, [vector.identity], encrypted, (chunk) => {
        plain.update(chunk);
      });
      expect(decrypted).toBe(vector.expect === 'success');
      if (decrypted) expect(plain.digest('hex')).toBe(vector.payload);
    } finally {
      await file.close();
    }
  });

  it('of which there are enough to mean something', () => {
    expect(vectors.filter((vector) => vector.expect === 'success').length).toBeGreaterThan(10);
    expect(vectors.filter((vector) => vector.expect !== 'success').length).toBeGreaterThan(30);
  });
});
