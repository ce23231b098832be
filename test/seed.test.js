// Every behaviour of the original's own test, t/mojo/prefork.t of Mojolicious.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startServer } from './helpers/server.js';

test('the PID file is checked, replaced when stale, made, and removed with the process', async (t) => {
  const server = startServer(t, 'own-pid-file.js');
  assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
  const { pidFile, fresh, stale, own } = JSON.parse(server.stdout[0]);
  assert.equal(pidFile, join(server.dir, 'prefork.pid'));
  assert.deepEqual(fresh, { exists: false });
  assert.deepEqual(stale, { exists: false }, 'a file with only a newline names nobody');
  assert.deepEqual(own, { checked: server.pid, exists: true });
  assert.deepEqual(readdirSync(server.dir), []);
});

test('there are as many workers as the machine has cores, or WEB_CONCURRENCY says', async (t) => {
  const cores = startServer(t, 'own-pid-file.js', { env: { WEB_CONCURRENCY: undefined } });
  const five = startServer(t, 'own-pid-file.js', { env: { WEB_CONCURRENCY: '5' } });
  await Promise.all([cores.ended, five.ended]);
  assert.equal(JSON.parse(cores.stdout[0]).workers, availableParallelism());
  assert.equal(JSON.parse(five.stdout[0]).workers, 5);
});

describe('two servers, one after the other in one process', () => {
  for (const cleanup of [true, false]) {
    test(`live and stop as the original's, with cleanup ${cleanup}`, async (t) => {
      const server = startServer(t, 'seed.js', { options: { cleanup } });
      assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
      const [graceful, immediate] = server.stdout.map((line) => JSON.parse(line));
      assertLife(graceful, { server, workers: 4, answer: '200 just works!', finish: [true], cleanup });
      assertLife(immediate, { server, workers: 1, answer: '200 works too!', finish: [false], cleanup });

      for (const pattern of [/Listening at "http:\/\/127\.0\.0\.1:\d+"/, /Manager \d+ started/]) {
        assert.equal(server.count(pattern), 2, `${pattern}\n${server.output}`);
      }
      assert.equal(server.count(/Creating process id file ".*prefork\.pid"/), 2, server.output);
      for (const pid of graceful.spawned) {
        assert.equal(server.count(new RegExp(`Trying to stop worker ${pid} gracefully`)), 1, server.output);
        assert.equal(server.count(new RegExp(`Worker ${pid} stopped$`)), 1, server.output);
      }
      const [pid] = immediate.spawned;
      assert.equal(server.count(new RegExp(`Stopping worker ${pid} immediately`)), 1, server.output);
      assert.equal(server.count(new RegExp(`Worker ${pid} stopped \\(SIGKILL\\)$`)), 1, server.output);
    });
  }
});

function assertLife(life, { server, workers, answer, finish, cleanup }) {
  assert.equal(life.spawned.length, workers);
  assert.equal(new Set(life.spawned).size, workers);
  assert.deepEqual(life.reaped.toSorted(), life.spawned.toSorted());
  assert.ok(life.spawned.includes(life.firstHeartbeat));
  assert.equal(life.answer, answer, 'workers serve while the manager is blocked');
  assert.deepEqual(life.finish, finish);
  assert.deepEqual(life.files, {
    pid: join(server.dir, 'prefork.pid'),
    running: server.pid,
  });
  assert.deepEqual(life.filesAfter.toSorted(), cleanup ? [] : ['prefork.pid']);
  assert.ok(life.restored, 'all handlers are taken away again');
}
