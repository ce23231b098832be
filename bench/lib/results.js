// Benchmark. The machine-readable result of a Node major, and the pictures: bench/results/.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { scenarios } from '../scenarios/index.js';
import { tool } from './load.js';
import { nodeVersion } from './node.js';
import { chart } from './svg.js';

const FOLDER = join(import.meta.dirname, '..', 'results');

/** @returns undefined where nothing was measured on this major yet */
export function readResults(major) {
  try {
    return JSON.parse(readFileSync(join(FOLDER, `${major}.json`), 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces what is known of this scenario, and draws it. */
export function save(name, result, rounds) {
  const { major } = nodeVersion;
  const about = {
    node: process.version,
    load: tool,
    processors: availableParallelism(),
    model: cpus()[0]?.model ?? 'unknown',
  };
  const run = { at: new Date().toISOString(), commit: commit(), rounds };
  const known = readResults(major)?.scenarios ?? {};
  const all = { ...about, scenarios: { ...known, [name]: { ...run, ...result } } };
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${major}.json`), `${stringify(all)}\n`);
  writeFileSync(join(FOLDER, `${major}-${name}.svg`), chart(scenarios[name], result, process.version));
}

/** What was measured: the commit, and whether the files differed from it. */
function commit() {
  const git = (...args) => execFileSync('git', args, { cwd: FOLDER, encoding: 'utf8', timeout: 10_000 }).trim();
  try {
    const changes = git('status', '--porcelain', '--', '../../packages', '..', ':!../results');
    return `${git('rev-parse', '--short=12', 'HEAD')}${changes === '' ? '' : ' and changes'}`;
  } catch {
    return 'unknown'; // no repository
  }
}

/** Indented, but a list of numbers on one line. */
function stringify(value) {
  return JSON.stringify(value, null, 2).replace(
    /\[([^[\]{}]*)\]/g,
    (_, list) => `[${list.trim().replace(/\s+/g, ' ')}]`,
  );
}
