// An application that a bundler has put into one file. The library that calls libc has a binary, and stays outside.

import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';
import { upgrade } from './helpers/upgrade.js';

const CORE = fileURLToPath(new URL('../packages/core', import.meta.url));
const HELPERS = fileURLToPath(new URL('../node_modules', import.meta.url));

const SOURCE = `
  import { prefork } from '@prefork/core';
  const server = prefork((_request, response) => response.end('bundled'), { workers: 1 });
  server.on('reload', () => console.log('reload done'));
  if (server.isManager) server.on('healthy', (pid) => console.log('healthy ' + pid));
  server.listen(0, '127.0.0.1');`;

/** The bundle's path, in a folder that has these of core's packages. */
async function bundle(t, format, modules, external = []) {
  const dir = tempDir(t);
  mkdirSync(join(dir, 'node_modules', '@prefork'), { recursive: true });
  for (const name of modules) {
    const target = name === '@prefork/core' ? CORE : realpathSync(join(CORE, 'node_modules', name));
    symlinkSync(target, join(dir, 'node_modules', name));
  }
  writeFileSync(join(dir, 'app.js'), SOURCE);
  const outfile = join(dir, `app.${format === 'cjs' ? 'cjs' : 'mjs'}`);
  await build({
    entryPoints: [join(dir, 'app.js')],
    outfile,
    format,
    external,
    bundle: true,
    platform: 'node',
    nodePaths: [HELPERS],
    logLevel: 'silent',
  });
  return outfile;
}

describe('a bundle', { concurrency: 2 }, () => {
  for (const format of ['cjs', 'esm']) {
    for (const [what, modules, external] of [
      ['of everything but koffi', ['koffi'], ['koffi']],
      ['that leaves out what it does not know, as it is said nothing', ['koffi', 'debug'], []],
      ['without @prefork/core', ['@prefork/core'], ['@prefork/core']],
    ]) {
      test(`${what}, in format ${format}, serves, reloads, upgrades and stops`, async (t) => {
        const server = startServer(t, await bundle(t, format, modules, external));
        assert.equal((await server.get()).body, 'bundled');
        await server.waitForLine(/^healthy \d+$/);
        signal(server.pid, 'SIGHUP');
        await server.waitForLine(/^reload done$/);
        const manager = await upgrade(server);
        assert.equal((await server.get()).body, 'bundled');
        signal(manager, 'SIGQUIT');
        await server.ended;
      });
    }

    test(`without koffi beside it, in format ${format}, does not start, and says what to do`, async (t) => {
      const server = startServer(t, await bundle(t, format, []));
      assert.deepEqual(await server.ended, { code: 1, signal: null });
      const told =
        /Can't find koffi, which @prefork\/core needs. In a bundle leave @prefork\/core outside \(`external`\)/;
      assert.equal(server.lines.filter((line) => told.test(line)).length, 1, server.output);
    });
  }
});
