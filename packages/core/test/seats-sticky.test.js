// Seats of sticky locations: a seat has one worker, and moves only when that worker leaves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCOREBOARD_BYTES, Scoreboard, State } from '../dist/scoreboard.js';
import { stickySeatsOf } from '../dist/worker/sticky.js';

/** @param ids the number of the worker in each slot, in the order in which they entered */
function createBoard(ids) {
  const board = new Scoreboard(new Uint32Array(SCOREBOARD_BYTES / 4));
  for (const [slot, id] of ids.entries()) {
    board.claim(slot);
    board.enter(slot, 100 + slot, id, 1_000 * slot);
    board.setState(slot, State.ready);
  }
  return board;
}

const deal = (board, count) =>
  Array.from({ length: board.used }, (_, slot) => [...stickySeatsOf(board, slot, count)].join(' '));

test('each worker has the seat of its number, whatever its slot', () => {
  assert.deepEqual(deal(createBoard([2, 0, 1]), 3), ['2', '0', '1']);
});

test('the seat of a worker that leaves goes to one other, and no other seat moves', () => {
  for (const state of [State.none, State.full, State.draining]) {
    const board = createBoard([0, 1, 2, 3]);
    board.setState(1, state);
    assert.deepEqual(deal(board, 4), ['0', '', '1 2', '3']);
    board.setState(1, State.ready);
    assert.deepEqual(deal(board, 4), ['0', '1', '2', '3']);
  }
});

test('the last seat goes round the end, and to a worker without a seat first', () => {
  const board = createBoard([0, 1, 2]);
  board.setState(2, State.draining);
  assert.deepEqual(deal(board, 3), ['0 2', '1', '']);
  const wider = createBoard([0, 1, 2, 3]);
  assert.deepEqual(deal(wider, 3), ['0', '1', '2', '']);
  wider.setState(2, State.draining);
  assert.deepEqual(deal(wider, 3), ['0', '1', '', '2']);
});

test('a successor takes the seat at once, also in an earlier slot', () => {
  const board = createBoard([0, 1, 1]);
  assert.deepEqual(deal(board, 2), ['0', '', '1']);
  board.claim(0);
  board.enter(0, 200, 0, 9_000);
  assert.deepEqual(deal(board, 2), ['', '', '0 1']);
  board.setState(0, State.ready);
  assert.deepEqual(deal(board, 2), ['0', '', '1']);
});
