import { readFileSync } from 'node:fs';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createStamping,
  finishRotation,
  type Installation,
  rotateLedgerKey,
  type Stamping,
} from '#services/disclosure';
import { der, tags } from '#shared/der';
import type { Logger, LogMembers } from '#shared/runtime';
import { readAnchors, timestampRequest, verifyTimestamp } from '#shared/timestamp';
import { parseTimestampResponse } from '../../../shared/timestamp/token.ts';
import { makeSmallInstallation, type SmallInstallation } from '../../support/small-installation.ts';
import { createTestClock, type TestClock } from '../../support/test-clock.ts';
import {
  hasOpenssl,
  startTimestampAuthority,
  type TimestampAuthority,
} from '../../support/timestamp-authority.ts';
import { type Ran, run } from '../../unit/cli/support.ts';

const skipped = hasOpenssl ? '' : ' (skipped: no openssl)';
const data = Buffer.from('a checkpoint');
const nonce = Buffer.from('00d1f00000000000000000000000beef', 'hex');

describe.skipIf(!hasOpenssl)(`time stamps of OpenSSL’s ts${skipped}`, () => {
  let authority: TimestampAuthority;
  beforeAll(async () => {
    authority = await startTimestampAuthority();
  });
  afterAll(() => authority.stop());
  const anchors = () => readAnchors(readFileSync(authority.caFile, 'utf8')) ?? [];

  describe('an answer', () => {
    const query = Buffer.from(timestampRequest(data, nonce));
    const verify = (response: Buffer, of = data, with_ = nonce) =>
      verifyTimestamp(response, of, anchors(), with_);
    beforeEach(() => authority.certify());

    it.each(['rsa', 'ec'] as const)('by an %s key is verified, with and without its nonce', async (kind) => {
      await authority.certify({ kind });
      const response = await authority.reply(query);
      const verified = verify(response);
      expect(verified).toMatchObject({ ok: true, authority: 'CN=Test time stamps' });
      expect(Math.abs((verified.ok ? verified.time : 0) - Date.now())).toBeLessThan(60_000);
      expect(verifyTimestamp(response, data, anchors()).ok).toBe(true);
    });

    it('over something else is none', async () => {
      expect(verify(await authority.reply(query), Buffer.from('b checkpoint'))).toEqual({
        ok: false,
        reason: 'timestamp.other_data',
      });
    });

    it('to another question is none', async () => {
      const other = Buffer.from(nonce).fill(7);
      expect(verify(await authority.reply(query), data, other)).toEqual({
        ok: false,
        reason: 'timestamp.other_nonce',
      });
    });

    it.each([
      ['for web servers', { usage: 'critical,serverAuth' }],
      ['for more than time stamps', { usage: 'critical,timeStamping,serverAuth' }],
      ['for time stamps, but not critically', { usage: 'timeStamping' }],
    ])('by a certificate %s is none', async (_, options) => {
      const parsed = parseTimestampResponse(await authority.reply(query));
      const info = parsed.ok ? parsed.token.content : Buffer.alloc(0);
      const granted = der(tags.sequence, der(tags.integer, Uint8Array.of(0)));
      const answer = async () => Buffer.from(der(tags.sequence, granted, await authority.sign(info)));
      expect(verify(await answer())).toMatchObject({ ok: true });
      await authority.certify(options);
      expect(verify(await answer())).toEqual({ ok: false, reason: 'timestamp.purpose' });
    });

    it('by a certificate that had ended, or not begun, is none', async () => {
      for (const options of [
        { from: -30, to: -1 },
        { from: 1, to: 30 },
      ]) {
        await authority.certify(options);
        expect(verify(await authority.reply(query))).toEqual({
          ok: false,
          reason: 'timestamp.not_valid_then',
        });
      }
    });

    it('by somebody else’s authority is none', async () => {
      const stranger = await startTimestampAuthority();
      try {
        expect(verify(await stranger.reply(query))).toEqual({ ok: false, reason: 'timestamp.untrusted' });
      } finally {
        await stranger.stop();
      }
    });

    it('that refuses is none', async () => {
      // An algorithm that this authority does not take.
      const sha1 = Buffer.from(query);
      sha1[sha1.indexOf(Buffer.from('608648016503040201', 'hex')) + 8] = 9;
      expect(verify(await authority.reply(sha1))).toEqual({ ok: false, reason: 'timestamp.refused' });
    });

    it('that was changed anywhere is none, or says the same', async () => {
      const response = await authority.reply(query);
      // Certificates that nothing hangs on (here the root's), and versions that nothing is read from, are not signed.
      const survivors: number[] = [];
      for (let i = 0; i < response.length; i++) {
        const changed = Buffer.from(response);
        changed.writeUInt8(changed.readUInt8(i) ^ 0x01, i);
        if (verify(changed).ok) survivors.push(i);
      }
      const verified = verify(response);
      for (const i of survivors) {
        const changed = Buffer.from(response);
        changed.writeUInt8(changed.readUInt8(i) ^ 0x01, i);
        expect(verify(changed)).toEqual(verified);
      }
      expect(survivors.length).toBeLessThan(response.length / 2);
    });

    it('that is garbage, or cut, is none and no crash', async () => {
      const response = await authority.reply(query);
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(response.length - 1), (bytes, cut) => {
          expect(verify(Buffer.from(bytes))).toMatchObject({ ok: false });
          expect(verify(response.subarray(0, cut))).toEqual({ ok: false, reason: 'timestamp.malformed' });
          expect(verify(Buffer.concat([response, bytes]))).toMatchObject({ ok: bytes.length === 0 });
          const spliced = Buffer.concat([
            response.subarray(0, cut),
            bytes,
            response.subarray(cut + bytes.length),
          ]);
          expect(() => verify(spliced)).not.toThrow();
        }),
        { numRuns: 500 },
      );
    });
  });

  describe('of a ledger', () => {
    let at: SmallInstallation;
    let installation: Installation;
    let clock: TestClock;
    let stamping: Stamping;
    const logged: LogMembers[] = [];
    const logger: Logger = {
      info: () => {},
      warn: (members) => void logged.push(members),
      error: (members) => void logged.push(members),
    };
    const dayMs = 86_400_000;
    const today = () => new Date(clock.now()).toISOString().slice(0, 10);

    beforeEach(async () => {
      logged.length = 0;
      authority.answer = authority.reply;
      await authority.certify();
      at = await makeSmallInstallation();
      installation = await at.open();
      // The authority's clock is the real one.
      clock = createTestClock(new Date().toISOString());
      stamping = stampingWith();
    });
    afterEach(async () => {
      await installation.ledger.close();
      await at.remove();
    });
    function stampingWith(fetch = globalThis.fetch): Stamping {
      const { ledger, ledgerFolder: folder } = installation;
      const authorityOf = { url: authority.url, anchors: anchors() };
      return createStamping({ authority: authorityOf, ledger, folder, clock, logger, fetch });
    }
    const verify = (...args: readonly string[]): Promise<Ran> =>
      run(
        [
          'audit',
          'verify',
          at.ledgerFolder,
          '--key',
          installation.keys.ledger.verifier.vkey,
          '--json',
          ...args,
        ],
        { now: () => clock.now() },
      );
    const withCa = (): Promise<Ran> => verify('--timestamp-ca', authority.caFile);
    const stampFile = (end = ''): string => join(at.ledgerFolder, 'timestamps', `${today()}${end}`);
    const rulesOf = (ran: Ran): (string | undefined)[] => ran.error().problems?.map(({ rule }) => rule) ?? [];

    it('are kept beside it once a day, and verified by OpenSSL and by the audit', async () => {
      await stamping.look();
      const before = await readFile(stampFile('.tsr'));
      await stamping.look();
      expect(await readFile(stampFile('.tsr'))).toEqual(before);
      expect(await authority.opensslVerifies(stampFile(), stampFile('.tsr'))).toBe(true);
      expect(stamping.figures()).toMatchObject({ isOverdue: false, fault: null });
      expect(Math.abs(stamping.figures().offsetMs)).toBeLessThan(60_000);
      const ran = await withCa();
      expect({ exitCode: ran.exitCode, stderr: ran.stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(ran.json().timestamps).toMatchObject({ days: 1, verified: { count: 1, isStale: false } });
      const told = await run([
        'audit',
        'verify',
        at.ledgerFolder,
        '--key',
        installation.keys.ledger.verifier.vkey,
      ]);
      expect(told.stdout).toContain('There are time stamps of 1 days: --timestamp-ca verifies them.');
    });

    it('are not made anew by a restart, and stay good through a change of the ledger’s key', async () => {
      await stamping.look();
      await stampingWith().look();
      await installation.ledger.close();
      const old = installation.keys.ledger.verifier.vkey;
      await rotateLedgerKey(at);
      await finishRotation(at);
      installation = await at.open();
      const args = ['audit', 'verify', at.ledgerFolder, '--key', old, '--timestamp-ca', authority.caFile];
      const ran = await run([...args, '--json']);
      expect(ran.exitCode).toBe(0);
      expect(ran.json().timestamps).toMatchObject({ days: 1, verified: { count: 1 } });
    });

    it('are missed while the authority is away, which stops nothing and is an alarm after two days', async () => {
      authority.answer = async () => 503;
      for (let hour = 0; hour <= 47; hour += 12) {
        await stamping.look();
        clock.advance(dayMs / 2);
      }
      expect(stamping.figures()).toMatchObject({ isOverdue: true, fault: 'timestamp.unreachable' });
      await stamping.look();
      await stamping.look();
      expect(logged.map(({ code }) => code)).toEqual(['timestamp.unreachable', 'timestamp.overdue']);
      await installation.ledger.append([]).catch(() => {});
      authority.answer = authority.reply;
      await stamping.look();
      expect(stamping.figures()).toMatchObject({ isOverdue: false, fault: null });
      // Two days behind the authority's clock by then.
      expect(logged.map(({ code }) => code)).toContain('timestamp.clock_differs');
    });

    it('are missed across restarts, too', async () => {
      await stamping.look();
      authority.answer = async () => 503;
      clock.advance(4 * dayMs);
      stamping = stampingWith();
      await stamping.look();
      expect(stamping.figures().isOverdue).toBe(true);
      expect(logged.map(({ code }) => code)).toContain('timestamp.overdue');
    });

    it.each([
      ['garbage', async () => Buffer.from('no DER'), 'timestamp.malformed'],
      ['an old answer', async (_: Buffer, old: Buffer) => old, 'timestamp.other_nonce'],
      ['too much', async () => Buffer.alloc(100_000), 'timestamp.unreachable'],
      ['a fault', async () => 500, 'timestamp.unreachable'],
    ] as const)('are none where the authority answers with %s', async (_, answer, fault) => {
      let old: Buffer = Buffer.alloc(0);
      authority.answer = async (query) => {
        old = await authority.reply(query);
        return 500;
      };
      await stamping.look();
      authority.answer = (query) => answer(query, old);
      await stamping.look();
      expect(stamping.figures().fault).toBe(fault);
      await expect(readFile(stampFile())).rejects.toMatchObject({ code: 'ENOENT' });
    });

    it('are not waited for without end', async () => {
      authority.answer = async () => 'never';
      const timely: typeof globalThis.fetch = (input, init) =>
        fetch(input, {
          ...init,
          signal: AbortSignal.any([AbortSignal.timeout(50), init?.signal ?? new AbortController().signal]),
        });
      stamping = stampingWith(timely);
      await stamping.look();
      expect(stamping.figures().fault).toBe('timestamp.unreachable');
      stamping = stampingWith();
      stamping.start();
      await new Promise((resolve) => setTimeout(resolve, 50));
      await stamping.stop();
    });

    it.each([
      ['lost', async () => rm(stampFile('.tsr'))],
      ['another day’s', async () => appendFile(stampFile(), '— x AAAAAAAA\n')],
      ['garbage', async () => writeFile(stampFile('.tsr'), 'x')],
    ])('that are %s are found by the audit, and made anew by the service', async (_, damage) => {
      await stamping.look();
      await damage();
      const ran = await withCa();
      expect([ran.exitCode, rulesOf(ran)]).toEqual([1, ['timestamp.invalid']]);
      await stamping.look();
      expect((await withCa()).exitCode).toBe(0);
    });

    it('are demanded with the certificate, must lead to it, and grow old', async () => {
      const none = await withCa();
      expect([none.exitCode, rulesOf(none)]).toEqual([1, ['timestamp.missing']]);
      await stamping.look();
      const stranger = await startTimestampAuthority();
      const foreign = await verify('--timestamp-ca', stranger.caFile);
      await stranger.stop();
      expect([foreign.exitCode, rulesOf(foreign)]).toEqual([1, ['timestamp.invalid']]);
      expect((await verify('--timestamp-ca', stampFile())).exitCode).toBe(2);
      clock.advance(3 * dayMs);
      const stale = await withCa();
      expect(stale.exitCode).toBe(4);
      expect(stale.json().timestamps).toMatchObject({ verified: { isStale: true } });
    });
  });
});
