// Which sockets of a worker share a gate, and which have one each: `reuse` gives a worker seats.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import net from 'node:net';
import { it } from 'node:test';
import { boundAddress, listenSocket } from '../dist/posix/sockets.js';
import { createGates } from '../dist/worker/gates.js';

const BACKLOG = 16;
const options = { timeout: 10_000 };

/** Entrances of one location, each on a socket of its own. */
function location(t, count, own = {}) {
  return Array.from({ length: count }, () => {
    const fd = listenSocket({ address: '127.0.0.1', port: 0, family: 4 }, { backlog: BACKLOG });
    t.after(() => closeSync(fd));
    return { fd, backlog: BACKLOG, server: {}, isHttp: true, isReused: false, isSticky: false, ...own };
  });
}

function create(t, locations, post = {}) {
  const told = [];
  const keep = (socket) => {
    t.after(() => socket.destroy());
    return socket.on('error', () => {});
  };
  const tell = (...what) => {
    told.push(what);
    for (const waiting of waiters.splice(0)) waiting();
  };
  const waiters = [];
  const turnstile = {
    arrived: (entrance, socket) => tell('arrived', entrance, keep(socket)),
    seated: (entrance, socket, seat) => tell('seated', entrance, keep(socket), seat),
    exhausted: (error) => tell('exhausted', error),
  };
  const gates = createGates(post, locations, turnstile);
  t.after(() => {
    for (const gate of [gates.gate, ...gates.seats.flat()]) gate.close();
  });
  const connect = async ({ fd }) => {
    const before = told.length;
    await once(keep(net.connect(boundAddress(fd).port, '127.0.0.1')), 'connect');
    if (told.length === before) await new Promise((resolve) => waiters.push(resolve));
    return told.at(-1);
  };
  return { ...gates, told, turnstile, connect };
}

it('one gate is for the sockets of all locations without `reuse`', options, async (t) => {
  const [first, second] = [location(t, 1), location(t, 1)];
  const { gate, seats, sticky, connect } = create(t, [first, second]);
  assert.deepEqual([seats, sticky], [[], []]);
  gate.open();
  for (const [entrance] of [first, second]) {
    const [what, from] = await connect(entrance);
    assert.equal(what, 'arrived');
    assert.equal(from, entrance);
  }
});

it('each socket of a location with `reuse` has a gate of its own, and says which', options, async (t) => {
  const shared = location(t, 1);
  const reused = location(t, 3, { isReused: true });
  const { gate, seats, sticky, connect } = create(t, [reused, shared]);
  assert.deepEqual(sticky, [false]);
  assert.deepEqual(
    seats.map((own) => own.length),
    [3],
  );
  const [own] = seats;
  gate.open();
  assert.deepEqual(
    own.map(({ isOpen }) => isOpen),
    [false, false, false],
    'they open one by one',
  );
  for (const [i, seat] of own.entries()) {
    seat.open();
    const [what, entrance, , from] = await connect(reused[i]);
    assert.equal(what, 'seated');
    assert.equal(entrance, reused[i]);
    assert.equal(from, seat);
  }
  assert.equal((await connect(shared[0]))[0], 'arrived');
});

it('a location is sticky by itself', (t) => {
  const plain = location(t, 2, { isReused: true });
  const sticky = location(t, 2, { isReused: true, isSticky: true });
  assert.deepEqual(create(t, [plain, sticky, location(t, 1)]).sticky, [false, true]);
});

it('without a location there is a gate that another one can be added to', options, async (t) => {
  const { gate, connect } = create(t, []);
  gate.open();
  const [entrance] = location(t, 1);
  gate.add(entrance);
  assert.equal((await connect(entrance))[1], entrance);
});

it('another kind of process brings its own gate, for all sockets, with the same events', (t) => {
  const reused = location(t, 2, { isReused: true });
  const shared = location(t, 1);
  const own = { close() {} };
  const calls = [];
  const post = {
    createGate(entrances, events) {
      calls.push(entrances);
      events.arrived(shared[0], new net.Socket());
      events.exhausted(new Error('none is left'));
      return own;
    },
  };
  const { gate, seats, sticky, told } = create(t, [reused, shared], post);
  assert.equal(gate, own);
  assert.deepEqual([seats, sticky], [[], []]);
  assert.deepEqual(calls, [[...reused, ...shared]]);
  assert.deepEqual(
    told.map(([what]) => what),
    ['arrived', 'exhausted'],
  );
});
