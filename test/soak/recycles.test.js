// A thousand workers come and go: nothing of them stays.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { assertNothingLost, flood } from '../helpers/flood.js';
import { descriptors } from '../helpers/kernel.js';
import { serve } from '../helpers/serve.js';

const RECYCLES = 1000;
const MEGABYTE = 2 ** 20;

test('after 1000 recycles the manager is as small as after 200, and nothing is left behind', async (t) => {
  const { server, target } = await serve(t, 'collect.js', { workers: 2, accepts: 2 });
  const samples = [];
  const until = () => {
    const recycles = server.count(/^reap/);
    if (recycles >= (samples.length + 1) * 100) samples.push(sample(server));
    return recycles >= RECYCLES;
  };
  const tally = await flood(target, { requests: 0, clients: 4, keepAlive: false, until });
  assertNothingLost(tally);
  assert.equal(server.count(/immediately|early/), 0);

  const settled = samples.slice(1);
  for (const { descriptors, rss, zombies } of samples)
    t.diagnostic(`${descriptors} descriptors, ${(rss / MEGABYTE).toFixed()} MB, ${zombies} zombies`);
  // a pipe for each worker that is there just now: two, two spare, and one that has just gone
  assert.ok(spread(settled.map(({ descriptors }) => descriptors)) <= 5);
  assert.ok(settled.at(-1).rss - settled[0].rss < 16 * MEGABYTE);
  assert.ok(Math.max(...settled.map(({ zombies }) => zombies)) <= 1);
  assert.deepEqual(readdirSync(server.dir).sort(), ['prefork.pid']);

  process.kill(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
  assert.deepEqual(readdirSync(server.dir), []);
  assert.deepEqual(server.processes(), []);
});

function sample({ pid }) {
  const rss = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) * 1024;
  const zombies = children(pid).filter((child) => child.state === 'Z').length;
  return { descriptors: descriptors(pid).length, rss, zombies };
}

/** States of all children, also of the dead ones. */
function children(pid) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((child) => {
    try {
      const stat = readFileSync(`/proc/${child}/stat`, 'latin1');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(parent) === pid ? [{ state }] : [];
    } catch {
      return []; // it has gone
    }
  });
}

function spread(numbers) {
  return Math.max(...numbers) - Math.min(...numbers);
}
