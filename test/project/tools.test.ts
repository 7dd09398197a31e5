import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Runs a development tool; what it complains about becomes the failure. */
function complaints(tool: string, args: readonly string[]): string {
  try {
    execFileSync(join(root, 'node_modules/.bin', tool), args, { cwd: root, stdio: 'pipe' });
    return '';
  } catch (error) {
    const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer };
    return `${stdout.toString()}${stderr.toString()}`;
  }
}

describe('the code keeps its own rules', () => {
  it('types', () => expect(complaints('tsc', ['--noEmit'])).toBe(''));

  it('lint and format', () => expect(complaints('biome', ['ci', '--colors=off', '.'])).toBe(''));

  it('names no package registry', () => {
    const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
    const hosts = ['npmjs', 'yarnpkg', 'pypi', 'crates', 'maven'].map(
      (name) => new RegExp(`${name}\\.(org|com|io)`),
    );
    const naming = tracked
      .filter((file) => !file.startsWith('test/fixtures/'))
      .filter((file) => hosts.some((host) => host.test(readFileSync(join(root, file), 'utf8'))));
    expect(naming).toEqual([]);
  });

  it('has a lock file that npm ci takes: every optional package of every platform is in it', () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !packages[`node_modules/${name}`] && !packages[`${path}/node_modules/${name}`],
      ),
    );
    expect(missing).toEqual([]);
  });

  it('keeps files short: one reason to change', () => {
    const long = ['services', 'shared']
      .flatMap((folder) =>
        readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
          join(folder, name),
        ),
      )
      .filter((file) => file.endsWith('.ts'))
      .filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 400);
    expect(long).toEqual([]);
  });
});
