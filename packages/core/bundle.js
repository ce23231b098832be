// Build. Makes what is published of @prefork/core from what tsc has made of each module, which is for unit tests only:
// the code in a few files, because opening and linking 30 ES modules took 5 % of a worker's boot, and the types in one file,
// because a user has no types of our dependencies.

import { build } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';

const cwd = import.meta.dirname;

await build({
  cwd,
  input: { index: 'src/index.ts', cli: 'src/cli.ts' },
  platform: 'node',
  external: [/^node:/, 'debug', 'koffi', 'ws'],
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

await build({
  cwd,
  input: 'dist/index.d.ts',
  external: [/^node:/],
  // silent: the plugin names the compiler it would use, but tsc has made the types already
  plugins: [dts({ dtsOnly: true, tsconfig: 'tsconfig.json', logger: { info() {}, warn() {}, error: console.error } })],
  output: { dir: 'dist/bundle' },
});
