// Seats of sticky locations: a seat has one worker, and moves only when that worker leaves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCOREBOARD_BYTES, Scoreboard, State } from '../dist/scoreboard.js';
import { Seats } from '../dist/worker/seats.js';
import { stickySeatsOf } from '../dist/worker/sticky.js';
import { FakeGate } from './helpers/gate.js';

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

/** The gates of one location, sticky or not, as slot 0 has them. */
function createSeats({ ids, sticky = true, slot = 0, locations = [ids.length] }) {
  const board = createBoard(ids);
  const woken = [];
  const gates = locations.map((count) => Array.from({ length: count }, () => new FakeGate()));
  const flags = Array.isArray(sticky) ? sticky : locations.map(() => sticky);
  const seats = new Seats({ board, slot, wake: (pid) => woken.push(pid) }, gates, flags);
  return { board, seats, woken, gates, open: (location = 0) => gates[location].map(({ isOpen }) => isOpen) };
}

test('a worker polls its own seat only, and says so when it is back: another one has polled it', () => {
  const { board, seats, woken, open } = createSeats({ ids: [0, 1, 2] });
  seats.look();
  assert.deepEqual(
    [open(), woken],
    [
      [true, false, false],
      [101, 102],
    ],
  );
  woken.length = 0;
  seats.look();
  assert.deepEqual(woken, [], 'its seat was open');
  board.setState(1, State.full);
  seats.look();
  assert.deepEqual([open(), woken], [[true, false, false], []]);
});

test('the seat of another one is nothing to say: nobody polls it', () => {
  const { board, seats, woken, open } = createSeats({ ids: [0, 1, 2], slot: 2 });
  seats.look();
  woken.length = 0;
  board.setState(1, State.draining);
  seats.look();
  assert.deepEqual([open(), woken], [[false, true, true], []]);
});

test('a full worker wakes all others where seats are sticky, and one where they are not', () => {
  for (const [sticky, expected] of [
    [true, [101, 102]],
    [false, [101]],
  ]) {
    const { board, seats, woken, open } = createSeats({ ids: [0, 1, 2], sticky });
    seats.look();
    woken.length = 0;
    board.setState(0, State.full);
    seats.leave();
    assert.deepEqual([open(), woken], [[false, false, false], expected]);
  }
});

test('the share of a sticky seat is its whole queue, and that of another one an even part', () => {
  const { seats, gates } = createSeats({ ids: [0, 1, 2, 3], locations: [2, 2], sticky: [true, false] });
  const [[sticky], [common, other]] = gates;
  sticky.queue = 9;
  common.queue = 9;
  assert.deepEqual([seats.share(sticky), seats.share(common)], [9, 5], 'two workers for each of two seats');
  other.queue = 3;
  assert.equal(seats.shareOfAll(), 3, 'a quarter of 12: sticky ones are nobody else’s');
  assert.equal(seats.waiting(), 21);
});

test('it takes from a sticky seat when nothing waits elsewhere', () => {
  const { seats, gates } = createSeats({ ids: [0, 1], locations: [2, 2], sticky: [true, false] });
  const [[, sticky], [, common]] = gates;
  sticky.queue = 1;
  common.queue = 1;
  const taken = [seats.take(), seats.take(), seats.take()];
  assert.deepEqual(
    taken.map((next) => next?.entrance),
    [common, sticky, undefined],
  );
});
