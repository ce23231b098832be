// Whether connections wait that no worker takes, and which worker is sent for them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { forget, QueueWatch, waiterOf } from '../dist/manager/queue-watch.js';
import { SCOREBOARD_BYTES, Scoreboard, State } from '../dist/scoreboard.js';

const createBoard = () => new Scoreboard(new Uint32Array(SCOREBOARD_BYTES / 4));
const location = (waiting, reuse = false) => ({ reuse, waiting: () => waiting });

/** A board with a worker in each slot, and those workers. */
function pool(...states) {
  const board = createBoard();
  const workers = states.map(({ state = State.ready, busy = 0 }, slot) => {
    board.claim(slot);
    board.enter(slot, 100 + slot);
    board.setState(slot, state);
    board.setBusySince(slot, busy);
    return { slot };
  });
  return { board, workers };
}

describe('a look at a shared queue', () => {
  for (const [title, { waiting, holder, acceptLock = true }, expected] of [
    ['sends a worker when connections wait', { waiting: 1, holder: 0 }, true],
    ['sends a worker when there is no holder, who would have to see them', { waiting: 0, holder: undefined }, true],
    ['sends nobody while the queue is empty', { waiting: 0, holder: 0 }, false],
    ['sends nobody where each worker polls by itself', { waiting: 1, holder: undefined, acceptLock: false }, false],
  ]) {
    it(title, () => {
      const board = createBoard();
      board.holder = holder;
      assert.deepEqual(new QueueWatch(board, [location(waiting)], acceptLock).look(0), {
        waiter: expected,
        all: false,
        everyone: false,
      });
    });
  }

  it('sees the second of two locations', () => {
    const board = createBoard();
    board.holder = 0;
    assert.equal(new QueueWatch(board, [location(0), location(3)], true).look(0).waiter, true);
  });

  it('sends nobody where there is no shared queue', () => {
    assert.equal(new QueueWatch(createBoard(), [location(0, true)], true).look(0).waiter, false);
  });
});

describe('a look at the seats', () => {
  it('sends everybody when connections wait at one', () => {
    const watch = new QueueWatch(createBoard(), [location(0, true), location(1, true)], true);
    assert.equal(watch.look(0).all, true);
  });

  it('sends everybody once after a worker has died, who has left its seat', () => {
    const watch = new QueueWatch(createBoard(), [location(0, true)], true);
    assert.equal(watch.look(0).all, false);
    watch.lost();
    assert.equal(watch.look(0).all, true);
    assert.equal(watch.look(0).all, false);
  });

  it('sends nobody where there are none', () => {
    const watch = new QueueWatch(createBoard(), [location(1)], true);
    watch.lost();
    assert.equal(watch.look(0).all, false);
  });
});

describe('a look while connections wait and wait', () => {
  for (const reuse of [false, true]) {
    it(`sends every worker after half a second, whatever the board says, and again half a second later; reuse: ${reuse}`, () => {
      let waiting = 1;
      const watch = new QueueWatch(createBoard(), [{ reuse, waiting: () => waiting }], true);
      const everyone = [0, 499, 500, 501, 999, 1_000].map((time) => watch.look(time).everyone);
      assert.deepEqual(everyone, [false, false, true, false, false, true]);
      waiting = 0;
      assert.equal(watch.look(1_600).everyone, false);
      waiting = 1;
      assert.equal(watch.look(1_700).everyone, false);
    });
  }
});

describe('the worker that is sent', () => {
  it('is not the holder, has room, and is not in user code', () => {
    const { board, workers } = pool({}, { state: State.full }, { busy: 5 }, { state: State.draining }, {});
    board.holder = 0;
    assert.equal(waiterOf(board, workers), workers[4]);
  });

  it('is the holder if there is no other', () => {
    const { board, workers } = pool({}, { state: State.full });
    board.holder = 0;
    assert.equal(waiterOf(board, workers), workers[0]);
  });

  it('is nobody when all are full', () => {
    const { board, workers } = pool({ state: State.full });
    assert.equal(waiterOf(board, workers), undefined);
  });
});

describe('a dead worker', () => {
  it('leaves nothing on the board, and is the holder no more', () => {
    const { board } = pool({}, {});
    board.holder = 1;
    forget(board, 1);
    assert.equal(board.holder, undefined);
    assert.equal(board.pid(1), 0);
  });

  it('takes the lock from nobody else', () => {
    const { board } = pool({}, {});
    board.holder = 0;
    forget(board, 1);
    assert.equal(board.holder, 0);
  });
});
