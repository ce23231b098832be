// The shared page, here in memory of one process.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { elapsed, now } from '../dist/clock.js';
import { SCOREBOARD_BYTES, Scoreboard, SLOTS, State } from '../dist/scoreboard.js';

const WORDS = SCOREBOARD_BYTES / 4;

function createBoard() {
  const words = new Uint32Array(WORDS);
  return { words, board: new Scoreboard(words) };
}

/** Writes every field of a slot. */
function fill(board, slot) {
  board.claim(slot);
  board.enter(slot, 4711);
  board.setState(slot, State.ready);
  board.setConnections(slot, 3);
  board.setRequests(slot, 2, 40);
  board.setAccepts(slot, 50);
  board.takeTurn(slot);
  board.setBusySince(slot, 99);
}

describe('a slot', () => {
  it('says what its worker wrote', () => {
    const { board } = createBoard();
    fill(board, 7);
    assert.equal(board.pid(7), 4711);
    assert.equal(board.state(7), State.ready);
    assert.equal(board.busySince(7), 99);
    assert.equal(board.served(7), 40);
    assert.deepEqual(board.counters(7), { connections: 3, requests: 2, accepts: 50, served: 40 });
  });

  it('shares no word with its neighbours or with the header', () => {
    const { words, board } = createBoard();
    for (const slot of [0, 1, 2, SLOTS - 1]) fill(board, slot);
    const others = [...words];
    fill(board, 1);
    board.clear(1);
    const changed = [...words.keys()].filter((i) => words[i] !== others[i]);
    // besides its own cache line only the pool's count of accepts
    assert.deepEqual(
      changed.filter((i) => Math.floor(i / 16) !== 2),
      [4],
    );
  });

  it('is empty after it was claimed or cleared, and not ready before its worker says so', () => {
    const { board } = createBoard();
    fill(board, 3);
    board.claim(3);
    assert.deepEqual(board.counters(3), { connections: 0, requests: 0, accepts: 0, served: 0 });
    board.setState(3, State.ready);
    board.enter(3, 5);
    assert.equal(board.state(3), State.none);
    board.clear(3);
    assert.equal(board.pid(3), 0);
  });

  it('is looked at once it was claimed, and from then on', () => {
    const { board } = createBoard();
    assert.equal(board.used, 0);
    board.claim(4);
    board.claim(1);
    assert.equal(board.used, 5);
    board.clear(4);
    assert.equal(board.used, 5);
    board.claim(SLOTS - 1);
    assert.equal(board.used, SLOTS);
  });
});

describe('the header', () => {
  it('names the holder, slot 0 as well as the last, or nobody', () => {
    const { board } = createBoard();
    assert.equal(board.holder, undefined);
    for (const slot of [0, 5, SLOTS - 1]) {
      board.holder = slot;
      assert.equal(board.holder, slot);
    }
    board.holder = undefined;
    assert.equal(board.holder, undefined);
  });

  it('is not believed when a worker has destroyed it', () => {
    const words = new Uint32Array(WORDS).fill(0xffff_ffff);
    const board = new Scoreboard(words);
    assert.equal(board.holder, undefined);
    assert.equal(board.used, SLOTS);
    assert.equal(board.isStopping, false);
  });

  it('has words for deputy and stop that do not touch each other', () => {
    const { board } = createBoard();
    board.holder = 2;
    board.deputyAt = 1234;
    board.isStopping = true;
    assert.deepEqual([board.holder, board.deputyAt, board.isStopping], [2, 1234, true]);
    board.claim(9);
    assert.deepEqual([board.holder, board.deputyAt, board.isStopping], [2, 1234, true]);
  });

  it('takes one complaint about a holder, and one more about its successor', () => {
    const { board } = createBoard();
    assert.deepEqual([board.complain(0), board.complain(0), board.complain(1)], [true, false, true]);
    board.clear(1);
    assert.equal(board.complain(1), true);
  });
});

describe('turns', () => {
  it('say who accepted before whom', () => {
    const { board } = createBoard();
    for (const slot of [2, 0, 1]) board.takeTurn(slot);
    assert.equal(board.acceptedBefore(2, 0), true);
    assert.equal(board.acceptedBefore(0, 2), false);
    assert.equal(board.acceptedBefore(1, 1), false);
    board.takeTurn(2);
    assert.equal(board.acceptedBefore(2, 0), false);
  });

  it('say so when the count wraps, too', () => {
    const { words, board } = createBoard();
    words[4] = 0xffff_fffe;
    board.takeTurn(0);
    board.takeTurn(1);
    board.takeTurn(2);
    assert.equal(board.acceptedBefore(0, 1), true);
    assert.equal(board.acceptedBefore(0, 2), true);
    assert.equal(board.acceptedBefore(2, 0), false);
  });
});

describe('the clock', () => {
  it('is in whole milliseconds of 32 bits, never 0, and goes forward', () => {
    const first = now();
    assert.ok(Number.isInteger(first) && first > 0 && first < 2 ** 32);
    assert.ok(elapsed(first, now()) < 1_000);
  });

  it('measures over the wrap', () => {
    assert.equal(elapsed(0xffff_fff0, 0x10), 0x20);
    assert.equal(elapsed(100, 125), 25);
  });
});
