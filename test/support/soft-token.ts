import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const module = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib64/pkcs11/libsofthsm2.so'].find(existsSync);
const tools = ['pkcs11-tool', 'softhsm2-util'].filter(
  (tool) => spawnSync(tool, ['--help']).error !== undefined,
);

/** What is missing for a token in software; null where nothing is. */
export const softTokenLack: string | null =
  module === undefined || tools.length > 0 ? 'OpenSC and SoftHSM are not installed' : null;

/** A PKCS #11 token in software (SoftHSM), with a folder of its own. */
export interface SoftToken {
  readonly label: string;
  readonly pin: string;
  /** For whoever uses the token: where SoftHSM keeps it, and its module. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes a key pair on it. @param type of `pkcs11-tool --key-type` */
  makeKey(type: string, label: string, id: string): void;
  remove(): void;
}

export function makeSoftToken(label: string, pin = '274163'): SoftToken {
  const folder = mkdtempSync(join(tmpdir(), 'griffie-token-'));
  mkdirSync(join(folder, 'tokens'));
  const conf = join(folder, 'softhsm2.conf');
  writeFileSync(conf, `directories.tokendir = ${join(folder, 'tokens')}\n`);
  const env = { SOFTHSM2_CONF: conf, GRIFFIE_PKCS11_MODULE: module ?? '' };
  const run = (tool: string, args: readonly string[]): void => {
    execFileSync(tool, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
  };
  run('softhsm2-util', ['--init-token', '--free', '--label', label, '--so-pin', '12345678', '--pin', pin]);
  return {
    label,
    pin,
    env: { PATH: process.env.PATH ?? '', ...env },
    makeKey: (type, object, id) => {
      const login = ['--module', env.GRIFFIE_PKCS11_MODULE, '--token-label', label, '--login', '--pin', pin];
      run('pkcs11-tool', [...login, '--keypairgen', '--key-type', type, '--label', object, '--id', id]);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
