// When the manager says that all workers are full while connections wait.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { QUIET, Saturation } from '../dist/manager/saturation.js';
import { SCOREBOARD_BYTES, Scoreboard, State } from '../dist/scoreboard.js';

const MAX_CLIENTS = 5;
const FULL = { state: State.full, connections: MAX_CLIENTS };
const READY = { state: State.ready, connections: 4 };
const LINE = 'All workers are full, with 5 connections each (maxClients); waiting in the accept queue: 3';

function create(...workers) {
  const board = new Scoreboard(new Uint32Array(SCOREBOARD_BYTES / 4));
  const slots = workers.map(({ state, connections }, slot) => {
    board.claim(slot);
    board.setState(slot, state);
    board.setConnections(slot, connections);
    return slot;
  });
  const saturation = new Saturation(board, MAX_CLIENTS);
  return { board, look: (waiting, now) => saturation.look(slots, () => waiting, now) };
}

describe('a full pool', () => {
  for (const [title, workers, waiting, expected] of [
    ['is told while connections wait', [FULL, FULL], 3, LINE],
    ['is nothing to tell while none waits', [FULL, FULL], 0, undefined],
    ['is none while one worker has room', [FULL, READY], 3, undefined],
    ['is none without workers', [], 3, undefined],
    [
      'is none when a worker lacks descriptors, of which it has told',
      [FULL, { ...READY, state: State.full }],
      3,
      undefined,
    ],
  ]) {
    it(title, () => assert.equal(create(...workers).look(waiting, 0), expected));
  }

  it('is told once while it lasts', () => {
    const { look } = create(FULL);
    assert.equal(look(3, 0), LINE);
    for (let now = 1000; now < 3 * QUIET; now += 1000) assert.equal(look(3, now), undefined);
  });

  it('is told again when it has been over for a while, and not before', () => {
    const { look } = create(FULL);
    look(3, 0);
    assert.equal(look(3, QUIET - 1), undefined);
    assert.equal(look(0, QUIET), undefined);
    assert.equal(look(3, 2 * QUIET - 2), undefined);
    assert.equal(look(3, 3 * QUIET), LINE);
  });

  it('costs no look at the queue while a worker has room', () => {
    const { board } = create(READY);
    const fail = () => assert.fail('looked at');
    assert.equal(new Saturation(board, MAX_CLIENTS).look([0], fail, 0), undefined);
  });
});
