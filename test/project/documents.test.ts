import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorTable } from '#services/disclosure';
import { entryKinds } from '#shared/control';
import { packageRoot } from '#shared/runtime';

const documents = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...readdirSync(join(packageRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const read = (name: string): string => readFileSync(join(packageRoot, name), 'utf8');

describe('the documents agree with the code', () => {
  it('every error of the API is listed with its status and what to do, and no other', () => {
    const listed = [...read('docs/errors.md').matchAll(/^\| `([^`]+)` \| (\d+) \| (.+?) \| (.+) \|$/gm)].map(
      ([, code, status, title, action]) => [code, Number(status), title, action],
    );
    const expected = Object.entries(errorTable).map(([code, { status, title, action }]) => [
      code,
      status,
      title,
      action,
    ]);
    expect(listed).toEqual(expected);
  });

  it('every kind of ledger entry is explained to auditors', () => {
    const guide = read('docs/auditors.md');
    expect(entryKinds.filter((kind) => !guide.includes(`\`${kind}\``))).toEqual([]);
  });

  it.each(documents)('%s links to files that are there', (name) => {
    const folder = name.includes('/') ? 'docs' : '.';
    const links = [...read(name).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(
      ([, target]) => target ?? '',
    );
    const missing = links.filter((target) => {
      try {
        readFileSync(join(packageRoot, folder, target));
        return false;
      } catch {
        return true;
      }
    });
    expect(missing).toEqual([]);
  });
});
