// Benchmark. Which Node runs everything: this one, or another major that is installed on demand.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [major, minor] = process.versions.node.split('.').map(Number);
export const nodeVersion = { major, minor };

/** Below here lies what is installed on demand. */
export const CACHE = join(import.meta.dirname, '..', '.cache');

/** Installs an npm package below the cache, once, and what it needs beside it. @returns the folder it lies in */
export function install(name, spec, more = []) {
  const folder = join(CACHE, `${name}-${spec}`);
  const path = join(folder, 'node_modules', name);
  if (existsSync(path)) return path;
  console.log(`Installing ${name}@${spec} into bench/.cache`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  // pnpm's settings are in the environment of its scripts, and npm would complain about each
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(npm|pnpm)_/i.test(key)));
  const flags = ['--no-audit', '--no-fund', '--loglevel=error', '--prefix', folder];
  execFileSync('npm', ['install', ...flags, `${name}@${spec}`, ...more], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 600_000,
  });
  return path;
}

/** Runs this very script again on another major; resolves with the exit status. */
export function runOn(wanted, script, args) {
  const binary = join(install('node', wanted), 'bin', 'node');
  // the channel is a leash: see followParent
  const child = spawn(binary, [script, ...args], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** The other end of runOn: end with the process that started us. */
export function followParent() {
  if (!process.connected) return;
  process.once('disconnect', () => process.exit(1));
  process.channel.unref();
}
