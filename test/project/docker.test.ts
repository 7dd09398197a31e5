import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '#shared/runtime';
import { dockerfile, type Instruction, imageParts } from './docker-files.ts';

const instructions = dockerfile();
const named = (...names: string[]): Instruction[] => instructions.filter(({ name }) => names.includes(name));
const texts = (...names: string[]): string[] => named(...names).map(({ text }) => text);
const lastStage = instructions.slice(instructions.map(({ name }) => name).lastIndexOf('FROM'));
const allowed = readFileSync(join(packageRoot, '.dockerignore'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1));

/** Paths of the build context that are copied. */
const copied = texts('COPY')
  .filter((text) => !text.startsWith('--from='))
  .flatMap((text) => text.split(' ').slice(0, -1));

describe('the image', () => {
  it('is built on a named version of a base without a host name', () => {
    const args = Object.fromEntries(texts('ARG').map((text) => text.split('=', 2) as [string, string]));
    const bases = texts('FROM').map((text) =>
      (text.split(' ')[0] ?? '').replace(/^\$\{(\w+)\}$/, (_, n) => args[n] ?? ''),
    );
    expect(bases.length).toBeGreaterThan(1);
    for (const base of bases) {
      const { name, tag } = imageParts(base);
      expect(tag).toMatch(/^\d+\.\d+\.\d+/);
      expect(name).not.toMatch(/^[^/]*[.:][^/]*\//);
    }
  });

  it('runs as a numbered user who is not root, and says so last', () => {
    const users = lastStage.filter(({ name }) => name === 'USER').map(({ text }) => text);
    expect(users).toHaveLength(1);
    expect(users[0]).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/);
    const after = lastStage.slice(lastStage.findIndex(({ name }) => name === 'USER') + 1);
    expect(after.filter(({ name }) => ['RUN', 'COPY', 'USER'].includes(name))).toEqual([]);
  });

  it('stops by the signal that the services handle, and is asked whether it is ready', () => {
    expect(texts('STOPSIGNAL')).toEqual(['SIGTERM']);
    expect(texts('HEALTHCHECK')[0]).toContain('/health/ready');
    for (const text of texts('ENTRYPOINT', 'CMD')) expect(JSON.parse(text)).toBeInstanceOf(Array);
  });

  it('fetches nothing but packages of the lock file, and runs none of their scripts', () => {
    expect(texts('ADD')).toEqual([]);
    const runs = texts('RUN').join('\n');
    expect(runs).not.toMatch(/\b(curl|wget|apt|apt-get|apk|sudo|npm install|npm i)\b/);
    expect(runs).toMatch(/npm ci --ignore-scripts/);
    expect(runs).toMatch(/npm prune --omit=dev --ignore-scripts/);
  });

  it('keeps the LZ4 of the platform, which is an optional package, and leaves the embedded engine out', () => {
    const lock = JSON.parse(readFileSync(join(packageRoot, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const optional = Object.keys(lock.packages['node_modules/lz4-napi']?.optionalDependencies ?? {});
    expect(optional.some((name) => name.includes('linux-x64-gnu'))).toBe(true);
    const runs = texts('RUN').join('\n');
    expect(runs).not.toContain('--omit=optional');
    expect(runs).toMatch(/rm -rf [^&]*node_modules\/chdb node_modules\/@chdb/);
  });

  it('has no secret in it', () => {
    const settings = texts('ENV', 'ARG').map((text) => text.split('=')[0] ?? '');
    expect(settings.filter((name) => /pass|secret|token|key|cred/i.test(name))).toEqual([]);
    expect(copied.filter((path) => /secret|\.env|\.pem|\.key|^\.$|\*/.test(path))).toEqual([]);
  });

  it('copies what is there, and what .dockerignore lets through; that lets nothing else through', () => {
    expect(copied.filter((path) => !existsSync(join(packageRoot, path)))).toEqual([]);
    expect(copied.toSorted()).toEqual(allowed.toSorted());
  });

  it('holds in its last stage only what runs', () => {
    const copies = lastStage
      .filter(({ name }) => name === 'COPY')
      .map(({ text }) => text.replace('--from=build ', ''));
    expect(copies.map((text) => text.split(' ')[0]?.replace('/build/', ''))).toEqual([
      'package.json',
      'node_modules',
      'dist',
      'infra/clickhouse/migrations',
      'regimes',
    ]);
  });
});
