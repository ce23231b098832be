// Packages of frameworks that are no dependencies of the project: installed once, from the registry, into its cache. And what
// each framework must show.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { signal } from './server.js';
import { eventually } from './wait.js';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/prefork-frameworks/', import.meta.url));

const run = promisify(execFile);

/** Why a test of a framework is skipped. */
export const OFFLINE = 'its packages are not installed, and the registry is out of reach';

/** How long an installation, or a build, may take. Milliseconds. */
const PATIENCE = 300_000;

/**
 * Where packages are, as `npm install` takes them.
 *
 * @param {string} name of the set
 * @param {string[]} packages
 * @returns {Promise<string | undefined>} a folder `node_modules`; nothing when the registry can't be reached
 */
export async function install(name, packages) {
  const folder = await build(name, packages, {});
  return folder && join(folder, 'node_modules');
}

/**
 * A project that a framework has built, once.
 *
 * @param {string} name
 * @param {string[]} packages
 * @param {Record<string, string>} files
 * @param {string[]} [command] a program of its packages, and arguments
 * @returns {Promise<string | undefined>} its folder; nothing when the registry can't be reached
 */
export async function build(name, packages, files, command) {
  const version = createHash('sha256')
    .update(JSON.stringify([packages, files, command]))
    .digest('hex')
    .slice(0, 8);
  const folder = `${CACHE}${name}-${version}`;
  if (existsSync(join(folder, 'done'))) return folder;
  rmSync(folder, { recursive: true, force: true });
  for (const [file, text] of Object.entries({ 'package.json': '{ "private": true }', ...files })) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', '--fetch-retries=0'];
  try {
    await run('npm', ['install', ...flags, ...packages], { cwd: folder, timeout: PATIENCE });
  } catch (error) {
    if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED|network/i.test(error.stderr ?? '')) return undefined;
    throw error;
  }
  if (command) {
    const [program, ...args] = command;
    const env = { ...process.env, ASTRO_TELEMETRY_DISABLED: '1', NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' };
    await run(join(folder, 'node_modules/.bin', program), args, { cwd: folder, env, timeout: PATIENCE });
  }
  writeFileSync(join(folder, 'done'), '');
  return folder;
}

/**
 * Both workers answer `served by <pid>`, before a reload and after it, and the server stops.
 *
 * @param {Awaited<ReturnType<import('./server.js').startServer>>} server with two workers
 * @param {(at: { port: number }) => Promise<string>} [ask] a connection of its own each time
 */
export async function servesOverAReload(server, ask = getBody) {
  const seen = new Set();
  const answersFromAll = () =>
    eventually(
      async () => {
        const [, pid] = /^served by (\d+)$/.exec(await ask(await server.address()));
        seen.add(Number(pid));
        const workers = server.workers();
        return workers.length === 2 && workers.every((worker) => seen.has(worker));
      },
      () => `served by ${[...seen]} only\n${server.output}`,
    );
  await answersFromAll();
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/Reload finished/);
  await answersFromAll();
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
}

async function getBody({ port }) {
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
  return response.text();
}
