// Seats: the sockets of `reuse` locations. Each is polled by somebody as long as anybody has room.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SCOREBOARD_BYTES, Scoreboard, State } from '../dist/scoreboard.js';
import { Seats, seatsOf } from '../dist/worker/seats.js';
import { FakeGate } from './helpers/gate.js';

const STATES = { r: State.ready, f: State.full, d: State.draining, '-': State.none };

/** A scoreboard with a slot for each letter: ready, full, draining, or empty. */
function createBoard(states = '') {
  const board = new Scoreboard(new Uint32Array(SCOREBOARD_BYTES / 4));
  for (const [slot, letter] of [...states].entries()) {
    board.claim(slot);
    board.enter(slot, 100 + slot);
    board.setState(slot, STATES[letter]);
  }
  return board;
}

/** The seats of each worker in turn. */
function deal(states, count) {
  const board = createBoard(states);
  return [...states].map((_, slot) => [...seatsOf(board, slot, count)].sort((a, b) => a - b).join(' '));
}

describe('seats are dealt out', () => {
  const CASES = [
    ['one to each worker', 'rrr', 3, ['0', '1', '2']],
    ['in turn, when there are more seats than workers', 'rr', 5, ['0 2 4', '1 3']],
    ['in turn, when there are more workers than seats', 'rrrrr', 2, ['0', '1', '0', '1', '0']],
    ['to those who serve only', 'd-rdr', 2, ['', '', '0', '', '1']],
    ['as if a full worker were there, and its own go to the next one', 'rfr', 3, ['0', '0 1', '1 2']],
    ['over several full workers, and round the end', 'frff', 4, ['0 2 3', '0 1 2 3', '2', '2 3']],
    ['all to the one that has room', 'ffrf', 2, ['0 1', '0 1', '0 1', '0 1']],
    ['to the last worker', '--r', 3, ['', '', '0 1 2']],
    ['to nobody, when there is nobody', '-d', 3, ['', '']],
  ];
  for (const [how, states, count, expected] of CASES) {
    it(how, () => {
      // what a full worker would poll does not matter: it polls nothing
      const relevant = (seats) => seats.map((text, slot) => (states[slot] === 'f' ? 'full' : text));
      assert.deepEqual(relevant(deal(states, count)), relevant(expected));
    });
  }
});

/** mulberry32, as in simulation.js. */
function dice(seed) {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Workers without processes. A wake is heard when the test says so. */
class FakePool {
  board = createBoard();
  workers = new Map();
  woken = new Set();
  wakes = 0;

  constructor(...counts) {
    this.counts = counts;
  }

  start(slot) {
    const locations = this.counts.map((count) => Array.from({ length: count }, () => new FakeGate()));
    const wake = (pid) => {
      this.wakes += 1;
      this.woken.add(pid - 100);
    };
    this.board.claim(slot);
    this.board.enter(slot, 100 + slot);
    this.workers.set(slot, { locations, seats: new Seats({ slot, board: this.board, wake }, locations) });
    this.board.setState(slot, State.ready);
    this.workers.get(slot).seats.start();
  }

  become(slot, state) {
    this.board.setState(slot, state);
    const { seats } = this.workers.get(slot);
    if (state === State.ready) seats.look();
    else seats.leave();
  }

  /** Kill -9, and what the manager does when it reaps. */
  kill(slot) {
    this.workers.delete(slot);
    this.board.clear(slot);
    for (const other of this.workers.keys()) this.woken.add(other);
  }

  hear() {
    for (const slot of this.woken) if (this.state(slot) === State.ready) this.workers.get(slot)?.seats.look();
    this.woken.clear();
  }

  state(slot) {
    return this.board.state(slot);
  }

  /** Who polls each seat. */
  pollers(location = 0) {
    return Array.from({ length: this.counts[location] }, (_, seat) =>
      [...this.workers.keys()].filter((slot) => this.workers.get(slot).locations[location][seat].isOpen),
    );
  }
}

function startPool(workers, ...counts) {
  const pool = new FakePool(...counts);
  for (let slot = 0; slot < workers; slot++) pool.start(slot);
  pool.hear();
  return pool;
}

describe('a worker', () => {
  it('that is new takes its seats from the others', () => {
    const pool = startPool(1, 3);
    assert.deepEqual(pool.pollers(), [[0], [0], [0]]);
    pool.start(1);
    pool.hear();
    assert.deepEqual(pool.pollers(), [[0], [1], [0]]);
  });

  it('that drains leaves its seats to the others', () => {
    const pool = startPool(3, 3);
    pool.become(1, State.draining);
    pool.hear();
    assert.deepEqual(pool.pollers(), [[0], [2], [0]]);
  });

  it('that is killed is replaced at its seats as soon as the others look', () => {
    const pool = startPool(2, 2);
    pool.kill(0);
    pool.hear();
    assert.deepEqual(pool.pollers(), [[1], [1]]);
  });

  it('that is full wakes the next one only, and comes back to its own seats', () => {
    const pool = startPool(4, 4);
    pool.wakes = 0;
    pool.become(3, State.full);
    pool.hear();
    assert.deepEqual(pool.pollers(), [[0], [1], [2], [0]]);
    pool.become(3, State.ready);
    assert.equal(pool.wakes, 1);
    assert.ok(pool.pollers()[3].includes(3));
  });

  it('opens nothing more once a gate has made it leave, for want of descriptors', () => {
    const pool = new FakePool(3);
    const open = FakeGate.prototype.open;
    FakeGate.prototype.open = () => {
      FakeGate.prototype.open = open;
      pool.become(0, State.full);
    };
    pool.start(0);
    assert.deepEqual(pool.pollers(), [[], [], []]);
  });

  it('wakes nobody when the server stops', () => {
    const pool = startPool(3, 3);
    pool.board.isStopping = true;
    pool.wakes = 0;
    for (const slot of [0, 1, 2]) pool.become(slot, State.draining);
    assert.equal(pool.wakes, 0);
  });
});

describe('of what waits', () => {
  const queued = (pool, slot, seat) => {
    const gate = pool.workers.get(slot).locations[0][seat];
    gate.queue = 10;
    return gate;
  };

  it('at a seat of its own a worker takes all', () => {
    const pool = startPool(2, 2);
    const seat = queued(pool, 0, 0);
    assert.equal(pool.workers.get(0).seats.share(seat), 10);
  });

  it('at a seat that several have it takes its part', () => {
    const pool = startPool(4, 2);
    const seat = queued(pool, 0, 0);
    assert.equal(pool.workers.get(0).seats.share(seat), 5);
  });

  it('anywhere it takes an even part, and one at the least', () => {
    const pool = startPool(3, 3);
    queued(pool, 0, 1);
    queued(pool, 0, 2);
    const { seats } = pool.workers.get(0);
    assert.equal(seats.shareOfAll(), 7);
    for (let left = 20; left > 0; left--) assert.ok(seats.take(), `${left}`);
    assert.equal(seats.shareOfAll(), 0);
    assert.equal(seats.take(), undefined);
  });
});

it('whatever workers do, each seat is polled as long as anybody has room', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = dice(seed);
    const pool = new FakePool(1 + random(6), 1 + random(3));
    for (let step = 0; step < 500; step++) {
      change(pool, random(6), random(4));
      // several changes may come before anybody hears of them
      if (random(3) > 0) continue;
      pool.hear();
      const isServed = [...pool.workers.keys()].some((slot) => pool.state(slot) === State.ready);
      for (const pollers of pool.counts.flatMap((_, location) => pool.pollers(location))) {
        assert.equal(pollers.length > 0, isServed, `seed ${seed}, step ${step}`);
        for (const slot of pollers) assert.equal(pool.state(slot), State.ready);
      }
    }
  }
});

function change(pool, slot, what) {
  const state = pool.state(slot);
  if (!pool.workers.has(slot)) pool.start(slot);
  else if (what === 0 || state === State.draining) pool.kill(slot);
  else if (what === 1) pool.become(slot, State.draining);
  else pool.become(slot, state === State.full ? State.ready : State.full);
}
