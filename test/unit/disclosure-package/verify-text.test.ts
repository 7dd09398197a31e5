import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { verifyText } from '../../../shared/disclosure-package/verify-text.ts';
import { makePackage, parties, records } from './support.ts';

const tools = ['tar', 'age', 'openssl', 'jq', 'sha256sum', 'awk'];
const missing = tools.filter((tool) => spawnSync(tool, ['--version']).error !== undefined);
const why = missing.length === 0 ? '' : ` (skipped: no ${missing.join(', ')} here)`;

/** The commands of steps 1 to 4, exactly as they stand in the text: its lines that begin with two spaces. */
function commands(text: string): string {
  const steps = text.slice(text.indexOf('1. Unpack'), text.indexOf('5. Check'));
  return steps
    .split('\n')
    .filter((line) => /^ {2}[^ ]/.test(line))
    .join('\n');
}

describe.skipIf(missing.length > 0)(`VERIFY.txt${why}`, async () => {
  const who = await parties();
  afterAll(() => who.close());
  const x = 'x' in who.signer.publicJwk ? who.signer.publicJwk.x : '';

  async function prepare(name: string, count: number): Promise<string> {
    const { file } = await makePackage(who, name, { records: records(count), partBytes: 4096 });
    const folder = join(who.folder, `${name}.verify`);
    mkdirSync(folder);
    copyFileSync(file, join(folder, 'package.tar'));
    writeFileSync(join(folder, 'key.txt'), `${who.identity}\n`);
    return folder;
  }
  const run = (folder: string, script: string, key = x) =>
    spawnSync('sh', ['-c', script], {
      cwd: folder,
      env: { PATH: process.env.PATH, X: key },
      encoding: 'utf8',
    });

  it.each([
    ['many parts', 40],
    ['no records', 0],
  ])('leads through a package with %s by its own commands', async (name, count) => {
    const folder = await prepare(name.replace(' ', '-'), count);
    execFileSync('tar', ['-xf', 'package.tar', 'VERIFY.txt'], { cwd: folder });
    const { stdout, stderr } = run(folder, commands(readFileSync(join(folder, 'VERIFY.txt'), 'utf8')));
    expect(stderr).toBe('');
    expect(stdout).toContain('Signature Verified Successfully');
    expect(stdout).toContain(`{"typ":"griffie-manifest+jws","alg":"EdDSA","kid":"${who.signer.kid}"}`);
    expect(stdout).not.toContain('FAILED');
    const parts = count === 0 ? 1 : Math.max(2, stdout.match(/\d{4}\.ndjson\.age: OK/g)?.length ?? 0) + 1;
    expect(stdout.match(/: OK/g)).toHaveLength(2 * parts + 1);
    expect(stdout.trimEnd().split('\n').slice(-2).map(Number)).toEqual([count, count]);
    expect(existsSync(join(folder, 'parts/report.pdf'))).toBe(true);
  });

  it('shows another key’s signature and an altered part for what they are', async () => {
    const folder = await prepare('altered', 3);
    const script = commands(verifyText(1));
    const other = Buffer.alloc(32, 9).toString('base64url');
    expect(run(folder, script, other).stdout).not.toContain('Signature Verified Successfully');
    const tampered = script.replace(/^cut -d. -f2/m, 'echo >> parts/0001.ndjson; cut -d. -f2');
    const again = run(
      folder,
      script.replace(/^ {2}cut -d\. -f2 /m, '  echo >> parts/0001.ndjson; cut -d. -f2 '),
    );
    expect(tampered).not.toBe('');
    expect(again.stdout).toContain('parts/0001.ndjson: FAILED');
  });
});
