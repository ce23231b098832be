// Benchmark. The machine-readable result of a Node major, and the pictures: bench/results/.

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
  const known = readResults(major)?.scenarios ?? {};
  const all = { ...about, scenarios: { ...known, [name]: { at: new Date().toISOString(), rounds, ...result } } };
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${major}.json`), `${stringify(all)}\n`);
  writeFileSync(join(FOLDER, `${major}-${name}.svg`), chart(scenarios[name], result, process.version));
}

/** Indented, but a list of numbers on one line. */
function stringify(value) {
  return JSON.stringify(value, null, 2).replace(
    /\[([^[\]{}]*)\]/g,
    (_, list) => `[${list.trim().replace(/\s+/g, ' ')}]`,
  );
}
