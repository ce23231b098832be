// Programs from outside as real clients, proxies and databases: curl, wrk, nginx, Redis. A missing one fails the test with
// the name of its package.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { cleanAfter } from './cleanup.js';
import { within } from './wait.js';

/** Debian's packages, where they are not called as the program. */
const PACKAGES = { h2load: 'nghttp2-client', promtool: 'prometheus' };

/** Its path; a daemon's folder need not be on a developer's PATH. */
function locate(name) {
  return [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin']
    .map((folder) => join(folder, name))
    .find((path) => isExecutable(path));
}

/** What to do about a program that is not there; `false` when it is, as the option `skip` of a test takes it. */
export function missing(name) {
  return locate(name) === undefined && `This test needs ${name}, on Debian: apt-get install ${PACKAGES[name] ?? name}`;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a program to its end. Rejects when it fails; it cannot outlive the test.
 *
 * @param {import('node:test').TestContext} t
 * @returns {Promise<string>} what it wrote to stdout
 */
export async function run(t, name, args) {
  const tool = start(t, name, args);
  const [code, signal] = await within(tool.closed, () => `${name} does not end\n${tool.output}`);
  if (code !== 0) throw new Error(`${name} ended with ${signal ?? code}\n${tool.output}`);
  return tool.stdout;
}

/**
 * Starts a program that serves in the foreground; it is killed after the test.
 *
 * @param {import('node:test').TestContext} t
 */
export function start(t, name, args) {
  const why = missing(name);
  if (why) throw new Error(why);
  const child = spawn(locate(name), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const tool = { pid: child.pid, stdout: '', output: '', closed: once(child, 'close') };
  const collect = (stream, isStdout) => {
    stream.setEncoding('utf8').on('data', (text) => {
      tool.output += text;
      if (isStdout) tool.stdout += text;
    });
  };
  collect(child.stdout, true);
  collect(child.stderr, false);
  cleanAfter(t, async () => {
    child.kill('SIGTERM');
    await within(tool.closed, `${name} does not end`);
  });
  return tool;
}
