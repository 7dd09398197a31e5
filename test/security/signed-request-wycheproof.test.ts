import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  isSignatureAlgorithm,
  parseCompact,
  parseProof,
  validatePublicJwk,
  verifyCompact,
} from '#shared/signed-request';

/*
 * Wycheproof's JSON Web Signature vectors. They carry no `typ`, so `parseProof` would refuse them all for
 * that alone; they are held against the layer beneath, the one that judges syntax, keys and signatures.
 */

const folder = join(process.env.GRIFFIE_VECTORS ?? join(process.cwd(), '../shared/vectors'), 'wycheproof');
const files = ['json_web_signature_test.json', 'json_web_crypto_test.json'].map((name) => join(folder, name));
const present = files.every((file) => existsSync(file));

const suite = z.object({
  testGroups: z.array(
    z.object({
      comment: z.string(),
      public: z.record(z.string(), z.unknown()).optional(),
      private: z.record(z.string(), z.unknown()),
      tests: z.array(
        z.object({
          tcId: z.number(),
          comment: z.string(),
          // Some vectors are JSON serialisations, given as objects or as text.
          jws: z.unknown().optional(),
          result: z.enum(['valid', 'invalid']),
        }),
      ),
    }),
  ),
});
type Group = z.infer<typeof suite>['testGroups'][number];

/** Valid vectors that we refuse all the same, each with its reason. */
const stricter: Readonly<Record<string, string>> = {
  'json_web_signature_test.json#272': 'an empty payload: none of our JWS has one',
  'json_web_signature_test.json#346': 'RFC 7520, figure 20, is PS384 under a key that says PS256',
  'json_web_signature_test.json#350': 'the same as #346',
};

const publicMembers = ['kty', 'crv', 'x', 'y', 'n', 'e'];

/** Accepted as a release of records would accept it: enrolled key, pinned algorithm, strict syntax. */
async function accepts(group: Group, jws: unknown): Promise<boolean> {
  const key = group.public;
  if (key === undefined) return acceptsWithoutKey(jws);
  const { alg } = key;
  const members = Object.fromEntries(Object.entries(key).filter(([name]) => publicMembers.includes(name)));
  const enrolled = await validatePublicJwk(members, alg);
  if (!enrolled.ok || !isSignatureAlgorithm(alg)) return false;
  const parsed = parseCompact(typeof jws === 'string' ? jws : JSON.stringify(jws), 100_000);
  return parsed.ok && (await verifyCompact(parsed.jws, enrolled));
}

/** Groups with a symmetric key only: no key could be enrolled, so getting past the syntax is the worst. */
function acceptsWithoutKey(jws: unknown): boolean {
  return parseCompact(typeof jws === 'string' ? jws : JSON.stringify(jws), 100_000).ok;
}

describe.skipIf(!present)(`Wycheproof JWS vectors${present ? '' : ' (skipped: no vectors folder)'}`, () => {
  const vectors = (present ? files : []).flatMap((file) =>
    suite
      .parse(JSON.parse(readFileSync(file, 'utf8')))
      .testGroups.flatMap((group) =>
        group.tests.flatMap((test) => (test.jws === undefined ? [] : [{ file, group, test, jws: test.jws }])),
      ),
  );
  const name = (v: (typeof vectors)[number]): string => `${v.file.split('/').at(-1)}#${v.test.tcId}`;

  it('refuses every invalid one', async () => {
    const invalid = vectors.filter((v) => v.test.result === 'invalid');
    expect(invalid.length).toBeGreaterThan(390);
    const accepted = [];
    for (const v of invalid) if (await accepts(v.group, v.jws)) accepted.push(name(v));
    expect(accepted).toEqual([]);
  });

  it('accepts every valid one whose algorithm may be enrolled, but for those listed with a reason', async () => {
    const enrollable = vectors.filter(
      (v) => v.test.result === 'valid' && isSignatureAlgorithm(v.group.public?.alg),
    );
    expect(enrollable.length).toBeGreaterThan(8);
    const refused = [];
    for (const v of enrollable) if (!(await accepts(v.group, v.jws))) refused.push(name(v));
    expect(refused).toEqual(Object.keys(stricter));
  });

  it('never takes any of them for a signed request', () => {
    for (const { jws } of vectors) {
      expect(parseProof(typeof jws === 'string' ? jws : JSON.stringify(jws)).ok).toBe(false);
    }
  });
});
