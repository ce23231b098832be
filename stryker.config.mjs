// Mutation testing of core by its unit tests. All mutants are compiled into one copy of the project, and each is switched on
// by itself for the test files that reach it. What no unit test reaches is left out of the score.

/** @type {import('@stryker-mutator/core').PartialStrykerOptions} */
export default {
  mutate: ['packages/core/src/**/*.ts'],
  ignorePatterns: ['/bench', '/docs', '/examples', '/test', '/packages/express', '/packages/koa', 'dist', 'reports'],
  // one of it would load the TypeScript that has no API
  tsconfigFile: 'none',
  buildCommand: 'tsc -b packages/core',
  // pnpm puts it where Stryker does not look by itself
  plugins: ['@stryker-mutator/tap-runner'],
  testRunner: 'tap',
  tap: {
    // house.test.js measures the sources themselves, errors.test.js loads the published bundle, and Stryker's own handlers of
    // signals hear what departure.test.js sends
    testFiles: ['packages/core/test/!(house|errors|departure).test.js'],
    nodeArgs: ['--test-reporter=tap', '-r', '{{hookFile}}', '{{testFile}}'],
  },
  coverageAnalysis: 'perTest',
  // what runs once, when a module loads, would need all test files for each mutant
  ignoreStatic: true,
  incremental: true,
  incrementalFile: 'reports/stryker-incremental.json',
  // two would make the tests of the other one slow, and slow looks like a mutant that never ends
  concurrency: 1,
  timeoutMS: 3_000,
  reporters: ['clear-text', 'progress-append-only', 'html', 'json'],
  clearTextReporter: { reportTests: false, allowColor: false },
  thresholds: { high: 95, low: 85, break: null },
};
