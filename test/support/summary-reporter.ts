import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node';

/** Counts as the last line gives them. */
interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Ends a run with what was skipped and why, and as the last line `N passed, N failed, N skipped`.
 *
 * A file that could not be loaded, a hook that failed and an error outside any test count as one failure
 * each, so that the line never says 0 failed of a run that was not all right.
 */
export class SummaryReporter implements Reporter {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void = (text) => void process.stdout.write(text)) {
    this.#write = write;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts: Counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const skipped: string[] = [];
    for (const module of modules) {
      countErrors(module, counts);
      for (const suite of module.children.allSuites()) countErrors(suite, counts);
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        // Still pending at the end: its process died.
        if (state === 'pending') counts.failed += 1;
        else counts[state] += 1;
        if (state === 'skipped') skipped.push(`${module.project.name}: ${test.fullName}${noteOf(test)}`);
      }
    }
    if (skipped.length > 0) {
      this.#write(`\nSkipped:\n${skipped.map((name) => `  ${oneLine(name)}\n`).join('')}`);
    }
    this.#write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  }
}

/** Errors that belong to no test: of loading the file, or of a suite's hooks. */
function countErrors(entity: TestModule | TestSuite, counts: Counts): void {
  counts.failed += entity.errors().length;
}

function noteOf(test: TestCase): string {
  const result = test.result();
  return result.state === 'skipped' && result.note !== undefined ? ` [${result.note}]` : '';
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');
