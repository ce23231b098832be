// Runs every test on each major of Node that is supported, and prints a table: `npx pnpm@12 test:matrix [20 22 ...]`. The
// binaries come from npm: the packages behind `node`, which need no install script.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/matrix');
const majors = process.argv.length > 2 ? process.argv.slice(2) : ['20', '22', '24', '26'];

/** The binary of a major, installed when it is missing. */
function binary(major) {
  const prefix = join(CACHE, major);
  mkdirSync(prefix, { recursive: true });
  const name = `node-linux-${process.arch}`;
  const install = ['install', '--no-audit', '--no-fund', '--prefix', prefix, `${name}@${major}`];
  if (spawnSync('npm', install, { stdio: 'inherit' }).status !== 0) throw new Error(`Can't install ${name}@${major}`);
  return join(prefix, 'node_modules', name, 'bin/node');
}

/** The number behind a word of the test runner's summary. */
function count(output, word) {
  return Number(new RegExp(`^ℹ ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? Number.NaN);
}

const folders = ['packages/core/test', 'packages/express/test', 'packages/koa/test', 'test'];
const files = folders.flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join(folder, name)),
);
const rows = majors.map((major) => {
  const node = binary(major);
  const env = { ...process.env, PATH: `${dirname(node)}:${process.env.PATH}` };
  const flags = ['--test', '--test-reporter=spec', '--test-concurrency=2'];
  const stdio = ['ignore', 'pipe', 'inherit'];
  const run = spawnSync(node, [...flags, ...files], { cwd: ROOT, env, stdio, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (run.status !== 0) process.stdout.write(run.stdout);
  const { stdout: version } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  const numbers = ['tests', 'pass', 'fail', 'skipped'].map((word) => count(run.stdout, word));
  return [version.trim(), ...numbers];
});

console.log('| Node | tests | passed | failed | skipped |\n| --- | --- | --- | --- | --- |');
for (const row of rows) console.log(`| ${row.join(' | ')} |`);
process.exitCode = rows.every(([, tests, , failed]) => tests > 0 && failed === 0) ? 0 : 1;
