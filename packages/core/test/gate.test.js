// The gate on real listening sockets, in this process: what it polls, what it takes, and what it leaves in the queue.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import net from 'node:net';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { boundAddress, listenSocket } from '../dist/posix/sockets.js';
import { createGate, createSupply } from '../dist/worker/gate.js';

const BACKLOG = 16;
/** Long enough for a loop turn of this process. Milliseconds. */
const MOMENT = 50;

/** A gate on so many sockets. */
function create(t, count = 1, supply = () => true) {
  const entrances = Array.from({ length: count }, () => {
    const fd = listenSocket({ address: '127.0.0.1', port: 0, family: 4 }, { backlog: BACKLOG });
    return { fd, backlog: BACKLOG, server: {}, port: boundAddress(fd).port };
  });
  const arrived = [];
  const errors = [];
  const sockets = [];
  const events = {
    arrived(entrance, socket) {
      arrived.push(entrance);
      sockets.push(socket.on('error', () => {}));
    },
    exhausted: (error) => errors.push(error),
  };
  const gate = createGate(entrances, supply, events);
  const connect = async ({ port }) => {
    const socket = net.connect(port, '127.0.0.1').on('error', () => {});
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  };
  t.after(() => {
    gate.close();
    for (const socket of sockets) socket.destroy();
    for (const { fd } of entrances) closeSync(fd);
  });
  const take = () => {
    const next = gate.take();
    if (next) sockets.push(next.socket);
    return next;
  };
  return { gate, entrances, events, arrived, errors, connect, take };
}

/** Until it is so, two seconds at most. */
async function becomes(check) {
  for (let i = 0; i < 200 && !check(); i++) await sleep(10);
  assert.ok(check());
}

const options = { timeout: 10_000 };

it('a closed gate leaves the queue to others, and counts it', options, async (t) => {
  const { gate, entrances, arrived, connect } = create(t, 2);
  for (const entrance of [entrances[0], entrances[1], entrances[1]]) await connect(entrance);
  await sleep(MOMENT);
  assert.deepEqual([gate.isOpen, gate.waiting(), arrived.length], [false, 3, 0]);
});

it('an open gate gives each connection with its entrance, those that came before among them', options, async (t) => {
  const { gate, entrances, arrived, connect } = create(t, 2);
  await connect(entrances[1]);
  gate.open();
  assert.equal(gate.isOpen, true);
  await becomes(() => arrived.length === 1);
  await connect(entrances[0]);
  await becomes(() => arrived.length === 2);
  assert.deepEqual(arrived, [entrances[1], entrances[0]]);
});

it('a gate that closes accepts nothing more, and can open again', options, async (t) => {
  const { gate, entrances, arrived, connect } = create(t);
  gate.open();
  gate.open();
  gate.close();
  gate.close();
  await connect(entrances[0]);
  await sleep(MOMENT);
  assert.deepEqual([gate.isOpen, gate.waiting(), arrived.length], [false, 1, 0]);
  gate.open();
  await becomes(() => arrived.length === 1);
});

it('what a closed gate leaves is accepted by another one on the same socket', options, async (t) => {
  const { gate, entrances, events, arrived, connect } = create(t);
  gate.open();
  gate.close();
  await connect(entrances[0]);
  const other = createGate(entrances, () => true, events);
  t.after(() => other.close());
  other.open();
  await becomes(() => arrived.length === 1);
});

it(
  'taking goes without an open gate, one connection at a time, and finds the entrance that has some',
  options,
  async (t) => {
    const { gate, entrances, connect, take } = create(t, 2);
    assert.equal(take(), undefined);
    const client = await connect(entrances[1]);
    const { entrance, socket } = take();
    assert.equal(entrance, entrances[1]);
    socket.end('hello');
    assert.equal(`${await once(client, 'data')}`, 'hello');
    assert.deepEqual([take(), gate.waiting()], [undefined, 0]);
  },
);

it('an entrance that is added is open if the gate is', options, async (t) => {
  const { entrances, events, arrived, connect } = create(t, 2);
  const gate = createGate([entrances[0]], () => true, events);
  t.after(() => gate.close());
  gate.add(entrances[1]);
  await connect(entrances[1]);
  await sleep(MOMENT);
  assert.equal(arrived.length, 0);
  gate.open();
  await becomes(() => arrived.length === 1);

  const late = createGate([entrances[0]], () => true, events);
  t.after(() => late.close());
  gate.close();
  late.open();
  late.add(entrances[1]);
  await connect(entrances[1]);
  await becomes(() => arrived.length === 2);
});

it('an entrance that is removed keeps its queue, and the others stay open', options, async (t) => {
  const { gate, entrances, arrived, connect } = create(t, 2);
  gate.open();
  gate.remove(entrances[0]);
  gate.remove({});
  await connect(entrances[0]);
  await connect(entrances[1]);
  await becomes(() => arrived.length === 1);
  await sleep(MOMENT);
  assert.deepEqual(arrived, [entrances[1]]);
  assert.equal(gate.waiting(), 0, 'it counts the others only');
});

it('without a free descriptor a gate does not open, says so, and leaves the queue', options, async (t) => {
  const { gate, entrances, arrived, errors, connect } = create(t, 1, () => false);
  await connect(entrances[0]);
  gate.open();
  await sleep(MOMENT);
  assert.deepEqual([gate.isOpen, arrived.length, gate.waiting()], [false, 0, 1]);
  assert.match(errors[0].message, /EMFILE/);
});

it('with the last descriptor it takes the connection, and says so after it', options, async (t) => {
  let isFree = true;
  const { gate, entrances, arrived, errors, connect, take } = create(t, 1, () => isFree);
  gate.open();
  isFree = false;
  await connect(entrances[0]);
  await becomes(() => arrived.length === 1);
  assert.equal(errors.length, 1);
  gate.close();
  await connect(entrances[0]);
  assert.ok(take());
  assert.equal(errors.length, 1, 'the connection is counted first');
  await Promise.resolve();
  assert.equal(errors.length, 2);
});

it('a supply has some as long as a descriptor can be made', () => {
  const supply = createSupply(1);
  assert.equal(supply(20), true);
  assert.equal(supply(2 ** 30), true, 'a high number is a warning: it looks');
  assert.equal(createSupply(-1)(2 ** 30), false, 'there is none');
  const tight = createSupply(-1);
  assert.equal(tight(20), true, 'a low number: it does not look');
  tight(2 ** 30);
  assert.equal(tight(20), false, 'after a high one it looks each time');
});
