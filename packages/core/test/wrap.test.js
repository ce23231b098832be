// Counters and clocks near every wrap.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { elapsed, now } from '../dist/clock.js';
import { SCOREBOARD_BYTES, Scoreboard, SLOTS, State } from '../dist/scoreboard.js';
import { createBalance } from '../dist/worker/balance.js';
import { startPool } from './helpers/turnstiles.js';

const TURN = 4; // the header's word that counts the pool's accepts

function boardAt(turn) {
  const words = new Uint32Array(SCOREBOARD_BYTES / 4);
  words[TURN] = turn;
  return new Scoreboard(words);
}

describe('a difference of times', () => {
  for (const [since, until, expected] of [
    [1_000, 1_000, 0],
    [1_000, 1_001, 1],
    [1_001, 1_000, 0],
    [1_020, 1_000, 0],
    [2 ** 32 - 1, 1, 2],
    [1, 2 ** 32 - 1, 0],
    [2 ** 31 - 1, 2 ** 31 + 1, 2],
    [2 ** 31 + 1, 2 ** 31 - 1, 0],
  ]) {
    it(`from ${since} to ${until} is ${expected}`, () => assert.equal(elapsed(since, until), expected));
  }

  it('is what the clock of this process counts', () => {
    const start = now();
    const end = performance.now() + 5;
    while (performance.now() < end);
    assert.ok(elapsed(start, now()) >= 4 && elapsed(start, now()) < 1_000);
  });
});

const NEAR = [0, 1, 1_000, 2 ** 31 - 2, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - SLOTS, 2 ** 32 - 2, 2 ** 32 - 1];

describe('a new worker counts as longest without a turn', () => {
  for (const turn of NEAR) {
    it(`after ${turn} accepts of the pool`, () => {
      const board = boardAt(turn);
      for (const slot of [0, 1, 2]) {
        board.claim(slot);
        board.enter(slot, 100 + slot);
        board.setState(slot, State.ready);
      }
      for (const slot of [0, 1]) board.takeTurn(slot);
      for (const slot of [0, 1]) {
        assert.equal(board.acceptedBefore(2, slot), true);
        assert.equal(board.acceptedBefore(slot, 2), false);
      }
      const balance = createBalance(board, 0, 25, () => 1_000);
      assert.equal(balance.leastLoadedWaiter(), 2);
    });
  }
});

describe('sequential connections go round the pool', () => {
  for (const turn of NEAR) {
    it(`from ${turn} accepts on, and over a replaced worker`, () => {
      const { pool, workers } = startPool(4, { turn });
      pool.settle();
      // each of them has had a turn
      for (let i = 0; i < 40; i++) {
        pool.queue += 1;
        pool.run(1);
      }
      const before = workers.map(({ admitted }) => admitted);
      assert.ok(Math.max(...before) - Math.min(...before) <= 1, `${before}`);
      pool.kill(workers[3]);
      const next = pool.spawn(3);
      pool.settle();
      for (let i = 0; i < 40; i++) {
        pool.queue += 1;
        pool.run(1);
      }
      const after = [...workers.slice(0, 3).map(({ admitted }, i) => admitted - before[i]), next.admitted];
      // it has no connections yet, so that it gets more until it has as many
      assert.ok(next.admitted >= 10, `${after}`);
    });
  }
});

describe('a slot past the page', () => {
  it('is refused, never written', () => {
    const board = boardAt(0);
    board.claim(SLOTS - 1);
    assert.throws(() => board.claim(SLOTS), RangeError);
  });
});
