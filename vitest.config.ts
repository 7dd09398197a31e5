import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/support/summary-reporter.ts';

const conditions = ['source'];

/** One vitest project per kind of test; the folder says what a test needs and how long it may take. */
const project = (name: string, testTimeout: number) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout,
    hookTimeout: testTimeout,
    // Each file gets a process of its own: the embedded engine binds one data folder per process.
    pool: 'forks' as const,
    isolate: true,
  },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ['default', new SummaryReporter()],
    projects: [
      project('project', 120_000),
      project('unit', 30_000),
      project('contract', 60_000),
      project('integration', 120_000),
      project('security', 300_000),
      project('realmail', 300_000),
      project('fault', 900_000),
    ],
  },
});
