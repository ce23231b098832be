// One client's async context is never seen by another client's request: what the pool does while user code runs belongs to no
// request.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import test from 'node:test';
import { cleanAfter } from './helpers/cleanup.js';
import { get } from './helpers/client.js';
import { startServer } from './helpers/server.js';

const STRANGERS = 300;
const ROUND = 20;

const SERVERS = {
  'a pool of two': { workers: 2 },
  'one worker': { workers: 1 },
  'a pool without the accept lock': { workers: 2, acceptLock: false },
  single: { workers: 1, single: true },
  plain: 'plain',
};

/** Those that each way is tried with. */
const COMPARED = ['a pool of two', 'single', 'plain'];

for (const way of ['enterWith', 'run', 'hooks', 'opentelemetry storage', 'opentelemetry hooks']) {
  for (const [title, how] of Object.entries(SERVERS)) {
    if (way !== 'enterWith' && !COMPARED.includes(title)) continue;
    test(`${title}, ${way}: no client finds the store of another one that uploads`, async (t) => {
      const target = await start(t, how, way);
      const stop = await upload(t, target, 'alice');
      const found = await visit(target);
      stop();
      assert.deepEqual(
        found.filter((user) => user !== ''),
        [],
      );
    });
  }
}

for (const [title, how] of Object.entries(SERVERS)) {
  test(`${title}: what the application sets before it listens is found by every request`, async (t) => {
    const target = await start(t, how, 'before listen');
    const stop = await upload(t, target, 'alice');
    const found = await visit(target);
    stop();
    assert.deepEqual([...new Set(found)], ['the application']);
  });

  // before AsyncContextFrame a server of Node keeps what such a listener sets, for all that come later
  const isIsolated = title !== 'plain' || Number.parseInt(process.versions.node, 10) >= 24;
  test(`${title}: what a listener of \`connection\` sets is found by ${isIsolated ? 'nobody else' : 'others, too'}`, async (t) => {
    const target = await start(t, how, 'connection listener');
    const found = (await visit(target)).filter((store) => store !== '');
    assert.ok(found.length >= STRANGERS / 5 - 2, `${found.length} stores`);
    assert.equal(new Set(found).size === found.length, isIsolated);
  });
}

async function start(t, how, way) {
  const options = typeof how === 'string' ? how : JSON.stringify({ ...how, keepAliveTimeout: 60_000 });
  const server = startServer(t, 'stores.js', { args: [options, way] });
  await server.healthy(how.workers ?? 1);
  return server.address();
}

/** Clients that open a connection each, many at a time; returns what their requests found. */
async function visit(target) {
  const found = [];
  for (let i = 0; i < STRANGERS; i += ROUND) {
    const round = Array.from({ length: ROUND }, (_, j) => get(target, `/?user=stranger${i + j}`));
    for (const { body } of await Promise.all(round)) found.push(body);
  }
  return found;
}

/** A client that sends a little of its body each millisecond, until it is stopped. */
async function upload(t, target, user) {
  const request = http.request({ ...target, method: 'POST', path: `/?user=${user}`, agent: false });
  request.on('error', () => {});
  cleanAfter(t, () => request.destroy());
  request.flushHeaders();
  await once(request, 'socket');
  const timer = setInterval(() => request.write('some more'), 1);
  cleanAfter(t, () => clearInterval(timer));
  return () => clearInterval(timer);
}
