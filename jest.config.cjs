const swc = (syntax) => [
  '@swc/jest',
  {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', ...syntax },
      transform: { react: { runtime: 'automatic', importSource: '@kitajs/html' } },
    },
    module: { type: 'commonjs' },
  },
];

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/tests/**/*.test.ts', '<rootDir>/tests/**/*.test.tsx'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  transform: { '\\.ts$': swc({}), '\\.tsx$': swc({ tsx: true }) },
  setupFiles: ['<rootDir>/tests/support/quick-passwords.ts'],
  globalSetup: '<rootDir>/tests/support/global-setup.ts',
  globalTeardown: '<rootDir>/tests/support/global-teardown.ts',
  reporters: ['default', '<rootDir>/tests/support/closing-line.cjs'],
  // Left to itself jest uses one worker fewer than there are cores.
  maxWorkers: '100%',
  // On a loaded machine the longest replays need half of this; who hangs is found all the same.
  testTimeout: 60_000,
  restoreMocks: true,
};
