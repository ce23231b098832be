// Which connections a worker takes from the accept queues, how many, and in which order each one is counted and served.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Intake } from '../dist/worker/intake.js';

const ALL = Number.POSITIVE_INFINITY;

/** A queue of so many connections. */
function queueOf(waiting, name, events) {
  const queue = {
    left: waiting,
    waiting: () => queue.left,
    take() {
      events.push(`take ${name}`);
      if (queue.left === 0) return undefined;
      queue.left -= 1;
      return { entrance: name, socket: {} };
    },
  };
  return queue;
}

/** `free`: how many connections this worker may have. `level`: what the others would have, had all taken the queue. */
function create({ waiting = 0, seats, connections = 0, free = ALL, appetite = ALL, level = ALL, ...own } = {}) {
  const { multiAccept = 50, situation = 'nobody' } = own;
  const events = [];
  const room = {
    connections,
    isFree: () => room.connections < free,
    count() {
      room.connections += 1;
      events.push('count');
    },
    check: () => events.push('check'),
  };
  const pace = { appetite: () => appetite, took: () => events.push('pace') };
  const parts = {
    slot: 3,
    board: { takeTurn: (slot) => events.push(`turn of ${slot}`) },
    admit: (entrance) => events.push(`admit ${entrance}`),
  };
  const asked = [];
  const balance = {
    situation: () => situation,
    level(...state) {
      asked.push(state);
      return level;
    },
  };
  const intake = new Intake(parts, multiAccept, room, balance, pace);
  intake.gate = queueOf(waiting, 'gate', events);
  if (seats !== undefined) {
    intake.seats = Object.assign(queueOf(seats, 'seat', events), {
      share: () => intake.seats.left,
      shareOfAll: () => intake.seats.left,
      look: () => events.push('look'),
    });
  }
  const taken = () => room.connections - connections;
  return { intake, room, events, parts, taken, asked };
}

const SHARED = ['take gate', 'pace', 'turn of 3', 'count', 'admit gate', 'check'];
const OWN = ['take seat', 'count', 'admit seat', 'check'];

describe('a connection', () => {
  it('of the shared queue is counted before it is served, and served before the next one is taken', () => {
    const { intake, events } = create({ waiting: 2 });
    intake.take(2);
    assert.deepEqual(events, [...SHARED, ...SHARED]);
    assert.equal(intake.hasTaken, true);
  });

  it("of a seat is not a turn in the pool's queue, and says nothing of the pace", () => {
    const { intake, events } = create({ seats: 1 });
    intake.take(1, intake.seats);
    assert.deepEqual(events, OWN);
    assert.equal(intake.hasTaken, false);
  });

  it('is looked for no longer once the queue is empty', () => {
    const { intake, events, taken } = create({ waiting: 1 });
    intake.take(9);
    assert.deepEqual(events, [...SHARED, 'take gate']);
    assert.equal(taken(), 1);
  });

  it('is not taken from a queue that there is not yet', () => {
    const { intake, taken } = create();
    intake.gate = undefined;
    intake.take(1);
    intake.takeRest();
    intake.lookAtSeats();
    assert.deepEqual([intake.waiting(), taken()], [0, 0]);
  });
});

describe('a share of the queue', () => {
  for (const [title, state, atMost, expected] of [
    ['is all that waits when nobody else takes', { waiting: 7 }, undefined, 7],
    ['ends at the level of the others', { waiting: 7, connections: 10, level: 13 }, undefined, 3],
    ['is nothing above their level', { waiting: 7, connections: 10, level: 8 }, undefined, 0],
    ['is at most `multiAccept`', { waiting: 7, multiAccept: 4 }, undefined, 4],
    ['is at most what the caller allows', { waiting: 7 }, 2, 2],
    ['is no more than can be served soon', { waiting: 7, appetite: 5 }, undefined, 5],
    ['is nothing when more than that was taken before', { waiting: 7, appetite: -1 }, undefined, 0],
    ['ends when there is no room', { waiting: 7, connections: 10, free: 12 }, undefined, 2],
    ['is nothing when nobody waits', { waiting: 0 }, undefined, 0],
  ]) {
    it(title, () => {
      const { intake, taken } = create(state);
      intake.takeShare(state.waiting, atMost);
      assert.equal(taken(), expected);
    });
  }

  it('is worked out of the own connections and of those that wait', () => {
    const { intake, asked } = create({ waiting: 7, connections: 10 });
    intake.takeShare(7);
    assert.deepEqual(asked, [[10, 7]]);
  });

  it('is computed only when connections wait', () => {
    const { intake, asked } = create();
    intake.takeShare(0);
    assert.deepEqual(asked, []);
  });
});

describe('the rest of all queues', () => {
  it('is taken whatever the others have, also what comes meanwhile', () => {
    const { intake, parts, taken } = create({ waiting: 60, seats: 3, level: 0, appetite: 0, multiAccept: 2 });
    let late = 2;
    parts.admit = (name) => {
      if (name === 'gate' && late-- > 0) intake.gate.left += 1;
      if (name === 'seat' && late-- > -2) intake.seats.left += 1;
    };
    intake.takeRest();
    assert.deepEqual([intake.gate.left, intake.seats.left], [0, 0]);
    assert.ok(taken() > 63, `${taken()} were taken`);
  });

  it('stays where it is when there is no room, and the worker does not look for ever', () => {
    const { intake, taken } = create({ waiting: 60, seats: 3, free: 5 });
    intake.takeRest();
    assert.deepEqual([taken(), intake.gate.left, intake.seats.left], [5, 55, 3]);
  });
});

describe('a connection that came through a seat', () => {
  it('is counted and served, and behind it the rest of the share', () => {
    const { intake, events } = create({ seats: 2 });
    intake.seated('first', {}, intake.seats);
    assert.deepEqual(events, ['count', 'admit first', 'check', ...OWN, ...OWN]);
  });

  it('counts as one of `multiAccept`', () => {
    const { intake, taken } = create({ seats: 9, multiAccept: 3 });
    intake.seated('first', {}, intake.seats);
    assert.equal(taken(), 3);
  });

  it('wakes no worker where there are no seats any more', () => {
    const { intake, taken } = create({ seats: 9 });
    const seat = intake.seats;
    intake.seats = undefined;
    intake.seated('first', {}, seat);
    assert.equal(taken(), 1);
  });
});

describe('a look at the seats', () => {
  for (const [title, state, expected] of [
    ['takes first, then opens them', { seats: 2 }, [...OWN, ...OWN, 'look']],
    ['takes at most `multiAccept`', { seats: 2, multiAccept: 1 }, [...OWN, 'look']],
    ['of the holder takes nothing', { seats: 2, situation: 'ours' }, ['look']],
    ['of a worker without room is none', { seats: 2, free: 0 }, []],
    ['of a worker behind one in user code takes', { seats: 1, situation: 'in user code' }, [...OWN, 'look']],
  ]) {
    it(title, () => {
      const { intake, events } = create(state);
      intake.lookAtSeats();
      assert.deepEqual(events, expected);
    });
  }
});

for (const [appetite, expected] of [
  [ALL, false],
  [1, false],
  [0, true],
  [-1, true],
]) {
  it(`a worker that can serve ${appetite} more soon ${expected ? 'has' : 'does not have'} enough`, () => {
    assert.equal(create({ appetite }).intake.hasEnough(), expected);
  });
}
