import { describe, it } from 'vitest';
import { mailServersAvailable } from './available.ts';

/**
 * `describe` for tests with real mail servers. Where these cannot run, the tests are skipped and the name
 * says why; in CI, which installs them, their absence is a failure.
 */
export function describeWithMailServers(name: string, body: () => void): void {
  const availability = mailServersAvailable();
  if (availability.ok) describe(name, body);
  else if (process.env.CI === 'true') {
    it(name, () => {
      throw new Error(`CI must run this: ${availability.reason}`);
    });
  } else describe.skip(`${name} (skipped: ${availability.reason})`, body);
}
