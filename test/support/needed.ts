import { describe, it } from 'vitest';

/**
 * `describe` for tests that need something of the machine. Where it is not there they are skipped, and the
 * name says why; in CI, which installs it, its absence is a failure.
 * @param lack what is missing; null where nothing is
 */
export function describeWhereThere(name: string, lack: string | null, body: () => void): void {
  if (lack === null) describe(name, body);
  else if (process.env.CI === 'true') {
    it(name, () => {
      throw new Error(`CI must run this: ${lack}`);
    });
  } else describe.skip(`${name} (skipped: ${lack})`, body);
}
