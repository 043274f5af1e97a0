// node -r ./tests/support/run-typescript.cjs src/main.ts: runs the sources as jest does, without a build.
const { transformSync } = require('@swc/core');

const run = (syntax) => (module, filename) => {
  const { code } = transformSync(require('node:fs').readFileSync(filename, 'utf8'), {
    filename,
    sourceMaps: false,
    swcrc: false,
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', ...syntax },
      transform: { react: { runtime: 'automatic', importSource: '@kitajs/html' } },
    },
    module: { type: 'commonjs' },
  });
  module._compile(code, filename);
};

require.extensions['.ts'] = run({});
require.extensions['.tsx'] = run({ tsx: true });
