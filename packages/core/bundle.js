// Build. What runs of @prefork/core, in a few files: to open and link 30 ES modules was 5 % of a worker's boot. It is the
// same code, names and comments too. What tsc makes of each module is for unit tests; only its types are published.

import { build } from 'rolldown';

await build({
  cwd: import.meta.dirname,
  input: { index: 'src/index.ts', cli: 'src/cli.ts' },
  platform: 'node',
  external: [/^node:/, 'debug', 'koffi'],
  output: {
    dir: 'dist/bundle',
    cleanDir: true,
    sourcemap: true,
    minifyInternalExports: false,
    chunkFileNames: '[name].js',
    codeSplitting: {
      groups: [
        // all that a worker needs: both processes' modules, then its own
        { name: 'common', test: /src\/(?!prefork|index|cli)[\w-]+\.ts$/, priority: 1 },
        { name: 'worker', test: /src\/(worker\/|prefork\.ts$)/ },
      ],
    },
  },
});
