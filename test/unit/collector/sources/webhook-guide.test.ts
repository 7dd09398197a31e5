import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '#shared/runtime';
import {
  problemOf,
  type RefusalCode,
  refusals,
} from '../../../../services/collector/sources/webhook/refusals.ts';

describe('the guide for operators', () => {
  it('lists exactly what a webhook source refuses, each with its status', () => {
    const guide = readFileSync(join(packageRoot, 'docs/operators.md'), 'utf8');
    const listed = [...guide.matchAll(/^\| `(webhook\.\w+)` \| (\d{3}) \|/gm)].map(([, code, status]) => [
      code,
      status,
    ]);
    const known = Object.entries(refusals).map(([code, { status }]) => [code, String(status)]);
    expect(listed.sort()).toEqual(known.sort());
  });
});

describe('a refusal', () => {
  it.each(Object.keys(refusals) as RefusalCode[])(
    '%s is an RFC 9457 problem that says what to do',
    (code) => {
      const { status, headers, body } = problemOf(code);
      expect(JSON.parse(body)).toEqual({
        type: `urn:griffie:error:${code}`,
        title: expect.stringMatching(/^[A-Z]/),
        status,
        detail: expect.stringMatching(/\.$/),
        code,
      });
      expect(headers['content-type']).toBe('application/problem+json');
      expect('retry-after' in headers).toBe(status === 503);
      expect('www-authenticate' in headers).toBe(status === 401);
    },
  );
});
