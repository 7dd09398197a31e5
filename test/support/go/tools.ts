import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '#shared/runtime';

/*
 * Programs of others that read a ledger, or keep one: Tessera's fsck as its authors publish it, and small
 * programs of this folder over their libraries. `go.sum` pins every module by its digest. Built by the
 * machine's own Go, which fetches modules as it is configured to.
 */

const folder = join(packageRoot, 'test/support/go');
const fsckPackage = 'github.com/transparency-dev/tessera/cmd/fsck';
const ownPackages = ['./verify', './tessera-append'];
/** What Tessera and the `tool` line of go.mod need. */
const leastVersion = [1, 24] as const;
/** Where the official archive puts it; not on every PATH. */
const candidates = ['go', '/usr/local/go/bin/go'];

export type GoAvailability =
  | { readonly ok: true; readonly go: string }
  | { readonly ok: false; readonly reason: string };

/** The first Go on this machine that is new enough. */
export function goAvailable(): GoAvailability {
  const found: string[] = [];
  for (const go of candidates) {
    const version = versionOf(go);
    if (version === null) continue;
    const [, major = '0', minor = '0'] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
    const isNew =
      Number(major) > leastVersion[0] ||
      (Number(major) === leastVersion[0] && Number(minor) >= leastVersion[1]);
    if (isNew) return { ok: true, go };
    found.push(version);
  }
  const least = leastVersion.join('.');
  return {
    ok: false,
    reason: found.length === 0 ? `needs Go ${least}` : `needs Go ${least}, and there is ${found.join(', ')}`,
  };
}

function versionOf(go: string): string | null {
  try {
    return execFileSync(go, ['env', 'GOVERSION'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return null;
  }
}

export interface GoTools {
  /** Tessera's `cmd/fsck`. */
  readonly fsck: string;
  /** See `verify/main.go`. */
  readonly verify: string;
  /** See `tessera-append/main.go`. */
  readonly tesseraAppend: string;
}

/**
 * Builds the programs into a folder: a minute the first time, seconds once Go's own cache has them.
 * @param into absolute, exists
 */
export async function buildGoTools(go: string, into: string): Promise<GoTools> {
  const args = ['build', '-buildvcs=false', '-o', `${into}/`, ...ownPackages, fsckPackage];
  await promisify(execFile)(go, args, {
    cwd: folder,
    // The version that is there, and exactly the modules of go.sum.
    env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly' },
    maxBuffer: 1 << 24,
  });
  return {
    fsck: join(into, 'fsck'),
    verify: join(into, 'verify'),
    tesseraAppend: join(into, 'tessera-append'),
  };
}
