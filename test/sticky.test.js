// `?reuse=1&sticky=1`: a client that comes back finds the worker that it had, whatever becomes of the other workers.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { get } from './helpers/client.js';
import { startExample } from './helpers/examples.js';
import { serve } from './helpers/serve.js';
import { signal, startServer } from './helpers/server.js';
import { askAll, connectAll } from './helpers/socketio.js';
import { upgrade } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

const LISTEN = 'http://127.0.0.1:0?reuse=1&sticky=1';
const ADDRESSES = Array.from({ length: 40 }, (_, i) => `127.0.0.${i + 2}`);

/** The worker that answers a new connection from this address. */
function ask(port, localAddress, host = '127.0.0.1') {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host, localAddress, agent: false }, (response) => {
      response.resume().on('end', () => resolve(Number(response.headers['x-worker'])));
    });
    sent.on('error', reject).end();
  });
}

/** The worker of each address. */
async function workersOf(port) {
  const answers = await Promise.all(ADDRESSES.map((address) => ask(port, address)));
  return new Map(ADDRESSES.map((address, i) => [address, answers[i]]));
}

for (const host of ['127.0.0.1', '*']) {
  test(`each of 40 addresses has one worker, and the workers have even parts of them, at ${host}`, async (t) => {
    const listen = `http://${host}:0?reuse=1&sticky=1`;
    const { target } = await serve(t, 'collect.js', { workers: 4, listen });
    const counts = new Map();
    for (const address of ADDRESSES) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask(target.port, address)));
      assert.equal(new Set(answers).size, 1, `${address} was answered by ${answers}`);
      counts.set(answers[0], (counts.get(answers[0]) ?? 0) + 1);
    }
    assert.equal(counts.size, 4);
    for (const count of counts.values()) assert.ok(count >= 4 && count <= 16, `${[...counts.values()]}`);
  });
}

test('an IPv6 address has one worker as well', async (t) => {
  const { target } = await serve(t, 'collect.js', { workers: 4, listen: 'http://[::1]:0?reuse=1&sticky=1' });
  const answers = await Promise.all(Array.from({ length: 30 }, () => ask(target.port, '::1', '::1')));
  assert.equal(new Set(answers).size, 1, `${answers}`);
});

for (const [title, end] of [
  ['is killed', 'SIGKILL'],
  ['drains', 'SIGQUIT'],
]) {
  test(`when a worker ${title}, the clients of all others stay, and its own go to its replacement`, async (t) => {
    const { server, target } = await serve(t, 'collect.js', { workers: 4, listen: LISTEN });
    const before = await workersOf(target.port);
    const victim = before.get(ADDRESSES[0]);
    signal(victim, end);
    await server.waitForLine(new RegExp(`^reap ${victim}$`));
    const during = await workersOf(target.port);
    for (const [address, worker] of before)
      if (worker !== victim) assert.equal(during.get(address), worker, `${address} has moved`);
    // the worker that stood in, if it was needed, and the replacement: never more
    const own = (answers) =>
      new Set(ADDRESSES.filter((address) => before.get(address) === victim).map((address) => answers.get(address)));
    assert.ok(own(during).size <= 2, `${[...own(during)]}`);
    await server.healthy(4);
    const replacement = server.pids('healthy').at(-1);
    await eventually(async () => {
      const after = await workersOf(target.port);
      for (const [address, worker] of before)
        if (worker !== victim) assert.equal(after.get(address), worker, `${address} has moved`);
      return own(after).size === 1 && own(after).has(replacement);
    }, 'they do not come to the replacement');
  });
}

test('a reload and a hot upgrade move the clients of one worker together', async (t) => {
  const { server, target } = await serve(t, 'collect.js', { workers: 3, listen: LISTEN });
  const groupsOf = (answers) => {
    const groups = new Map();
    for (const [address, worker] of answers) groups.set(worker, [...(groups.get(worker) ?? []), address]);
    return [...groups.values()].map(String).sort();
  };
  const before = groupsOf(await workersOf(target.port));
  const same = async () => String(groupsOf(await workersOf(target.port))) === String(before);
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/Reload finished/);
  await eventually(same, 'after the reload they are others');
  await upgrade(server);
  await server.waitForLine(new RegExp(`Manager ${server.pid} stopped`));
  await eventually(same, 'after the upgrade they are others');
});

for (const [title, options] of [
  ['long polling only', { transports: ['polling'] }],
  ['the default', {}],
]) {
  test(`Socket.IO with ${title}: 20 of 20 clients connect, and come back over a recycle and a reload`, async (t) => {
    const server = startServer(t, 'socketio.js', { options: { workers: 4, listen: LISTEN } });
    const pids = await server.healthy(4);
    const clients = connectAll(t, await server.address(), 20, options);
    const before = await askAll(clients);
    assert.ok(new Set(before).size > 1);
    signal(pids[0], 'SIGQUIT');
    await server.waitForLine(new RegExp(`^reap ${pids[0]}$`));
    await server.healthy(4);
    await askAll(clients);
    signal(server.pid, 'SIGHUP');
    await server.waitForLine(/Reload finished/);
    assert.deepEqual(await askAll(clients), before, 'each finds the worker with the same number');
  });
}

test('the example `socket.io` answers its clients, and they come back over a reload', async (t) => {
  const server = startExample(t, 'socket.io');
  const front = await server.address();
  assert.match((await get(front)).body, /<script src="\/socket\.io\/socket\.io\.js">/);
  const clients = connectAll(t, front, 6);
  const sayAll = () => Promise.all(clients.map((client) => client.timeout(10_000).emitWithAck('say', 'hello')));
  await eventually(() => clients.every((client) => client.connected), 'they do not connect');
  const before = await sayAll();
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/Reload finished/);
  // one may be disconnected while it asks
  const answers = await eventually(() => sayAll().catch(() => undefined), 'they do not come back');
  assert.equal(answers.length, before.length);
});

test('`sticky` without `reuse` is refused, and the error tells what to write', async (t) => {
  const server = startServer(t, 'collect.js', { options: { listen: 'http://127.0.0.1:0?sticky=1' } });
  assert.equal((await server.ended).code, 1);
  assert.match(server.output, /`sticky` needs a socket for each worker, write `\?reuse=1&sticky=1`/);
});
