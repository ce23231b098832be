// The manager as process 1, as in a container: it inherits every orphan of its workers.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parentOf } from './helpers/processes.js';
import { signal, startServer } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

test('a manager that inherits orphans, as process 1 does, reaps them, and misses no child of its own', () => {
  const script = fileURLToPath(new URL('fixtures/subreaper.js', import.meta.url));
  const output = execFileSync(process.execPath, [script], { encoding: 'utf8' });
  assert.deepEqual(output.trim().split('\n'), ['5 zombies', ...Array(10).fill('heard of a child'), '0 zombies']);
});

test('a manager that is process 1 buries orphans, replaces dead workers, and stops on TERM', async (t) => {
  const unshare = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], { encoding: 'utf8' });
  if (unshare.status !== 0) {
    // the test above has shown the burial itself
    t.diagnostic(`no process can be process 1 here: ${unshare.error?.message ?? unshare.stderr.trim()}`);
    return;
  }
  const server = startServer(t, 'init.js', { options: { workers: 1 } });
  const [worker] = await server.healthy(1);
  assert.equal(server.count(/Manager 1 started/), 1, server.output);

  const orphans = [];
  for (let i = 0; i < 5; i++) orphans.push((await server.get('/orphan')).body);
  await eventually(async () => {
    const { body } = await server.get('/zombies');
    return !body.split(' ').some((pid) => orphans.includes(pid));
  }, 'orphans stay as zombies');

  const manager = managerOf(server);
  signal(workersOf(server, manager)[0], 'SIGKILL');
  await server.waitForLine(new RegExp(`^reap ${worker}$`));
  const [next] = await server.healthy(1);
  assert.notEqual(next, worker);
  assert.equal((await server.get()).body, `${next}`);

  signal(manager, 'SIGTERM');
  await server.waitForLine(/^the namespace has ended, 0$/);
});

/** The manager's pid out here: launcher, unshare(1), manager, worker are parent and child. */
function managerOf(server) {
  const [unshare] = server.processes().filter((pid) => parentOf(pid) === server.pid);
  return server.processes().find((pid) => parentOf(pid) === unshare);
}

function workersOf(server, manager) {
  return server.processes().filter((pid) => parentOf(pid) === manager);
}
