import { describe } from 'vitest';
import { goAvailable } from './tools.ts';

/**
 * `describe` for tests with programs that Go builds. Where there is no Go, or too old a one (Debian 12's),
 * they are skipped and the name says so; where there is one, a failure to build them is a failure.
 */
export function describeWithGo(name: string, body: (go: string) => void): void {
  const available = goAvailable();
  if (available.ok) describe(name, () => body(available.go));
  else describe.skip(`${name} (skipped: ${available.reason})`, () => body(''));
}
