// What the manager tells the command, in the header of the scoreboard.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Bulletin } from '../dist/bulletin.js';
import { SCOREBOARD_BYTES, Scoreboard } from '../dist/scoreboard.js';

const NEWS = {
  phase: 1,
  workers: 2,
  reloads: 3,
  reloaded: 4,
  reloadFailed: 5,
  reloadCulprit: 6,
  upgrades: 7,
  upgradesFailed: 8,
  stopTakes: 9_000,
};

it('reads what was written, from a copy of the page', () => {
  const words = new Uint32Array(SCOREBOARD_BYTES / 4);
  new Scoreboard(words).bulletin.write(NEWS);
  assert.deepEqual(new Scoreboard(Uint32Array.from(words)).bulletin.read(), NEWS);
  assert.deepEqual(new Scoreboard(words.slice(0, 16)).bulletin.read(), NEWS, 'the header is enough');
  assert.deepEqual(new Bulletin(new Uint32Array(0)).read().phase, 0);
});

it('shares no word with what workers write', () => {
  const words = new Uint32Array(SCOREBOARD_BYTES / 4);
  const board = new Scoreboard(words);
  board.bulletin.write(NEWS);
  board.claim(0);
  board.enter(0, 4711);
  board.setAccepts(0, 1);
  board.takeTurn(0);
  board.holder = 0;
  board.deputyAt = 1;
  board.complain(0);
  board.isStopping = true;
  assert.deepEqual(board.bulletin.read(), NEWS);
  board.bulletin.write({ ...NEWS, phase: 3, workers: 0, reloads: 0, upgrades: 0 });
  assert.deepEqual([board.used, board.holder, board.deputyAt, board.turn, board.isStopping], [1, 0, 1, 1, true]);
  assert.equal(board.complain(0), false);
});
