// The `prefork` command, in a folder of its own that finds the project's packages.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempDir } from './files.js';
import { startServer } from './server.js';

const CLI = fileURLToPath(new URL('../../packages/core/dist/bundle/cli.js', import.meta.url));
const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** Nothing that the machine of a test happens to say. */
const CLEAN = { PORT: undefined, WEB_CONCURRENCY: undefined };

/** On a port of its own, for tests that need no other. */
export const HERE = ['--listen', 'http://127.0.0.1:0'];

/** An app that answers with a text. */
export const answers = (text) => `export default (_request, response) => response.end('${text}');`;

/**
 * A folder with these files.
 *
 * @param {import('node:test').TestContext} t
 * @param {Record<string, string>} files
 * @param {string} [modules] the folder of the packages, the project's unless told otherwise
 */
export function project(t, files, modules = MODULES) {
  const dir = tempDir(t);
  symlinkSync(modules, join(dir, 'node_modules'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

/** Starts `prefork <args>` there, as `startServer` does. PID file and lock file are in that folder, too. */
export function startCommand(t, dir, args, { env, ...settings } = {}) {
  return startServer(t, CLI, { args, cwd: dir, dir, env: { ...CLEAN, ...env }, ...settings });
}

/** Runs a command to its end: `{ code, stdout, stderr }`. */
export async function runCommand(t, dir, args, settings) {
  const command = startCommand(t, dir, args, settings);
  const { code } = await command.ended;
  return { code, stdout: command.stdout.join('\n'), stderr: command.stderr.join('\n') };
}
