// Packages of frameworks that are no dependencies of the project: installed once, from the registry, into its cache.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/prefork-frameworks/', import.meta.url));

/** How long an installation may take. Milliseconds. */
const PATIENCE = 300_000;

/**
 * Where packages are, as `npm install` takes them.
 *
 * @param {string} name of the set
 * @param {string[]} packages
 * @returns {Promise<string | undefined>} a folder `node_modules`; nothing when the registry can't be reached
 */
export async function install(name, packages) {
  const version = createHash('sha256').update(packages.join()).digest('hex').slice(0, 8);
  const folder = `${CACHE}${name}-${version}`;
  if (existsSync(folder)) return `${folder}/node_modules`;
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  writeFileSync(`${draft}/package.json`, '{ "private": true }');
  try {
    const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', '--fetch-retries=0'];
    await promisify(execFile)('npm', ['install', ...flags, ...packages], { cwd: draft, timeout: PATIENCE });
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (existsSync(folder)) return `${folder}/node_modules`;
    if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED|network/i.test(error.stderr ?? '')) return undefined;
    throw error;
  }
  return `${folder}/node_modules`;
}
