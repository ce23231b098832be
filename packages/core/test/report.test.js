// What the manager tells of itself: which phase, and when the workers are told that the server stops.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Phase } from '../dist/bulletin.js';
import { publish } from '../dist/manager/report.js';
import { SCOREBOARD_BYTES, Scoreboard } from '../dist/scoreboard.js';
import { Stats } from '../dist/stats.js';
import { STATS_BYTES } from '../dist/stats-layout.js';
import { RUN, worker } from './helpers/records.js';

const NEWS = { reloads: 3, reloaded: 2, reloadFailed: 3, reloadCulprit: 77 };

function published({ target = {}, hasBegun = false, hasSucceeded = false } = {}) {
  const board = new Scoreboard(new Uint32Array(SCOREBOARD_BYTES / 4));
  const page = new Stats(new Float64Array(STATS_BYTES / 8), 0);
  page.open(0);
  page.claim(0, { pid: 1, id: 0, generation: 0, state: 0, spawnedAt: 0, heartbeatAt: 0 });
  publish(
    {
      target: { ...RUN, ...target },
      reload: { news: NEWS, reloadError: undefined },
      upgrade: { news: { upgrades: 1, upgradesFailed: 0 }, hasSucceeded },
      stop: { hasBegun, takes: 40_000 },
    },
    {
      premises: { board, pidFile: { inode: 2 ** 40 + 9 }, stats: { page } },
      pool: { workers: [worker('draining', { slot: 0 })], slots: 5 },
    },
  );
  return { board, page, news: board.bulletin.read() };
}

for (const [title, state, phase, isStopping] of [
  ['serves', {}, 'serving', false],
  ['boots', { target: { proven: false } }, 'starting', false],
  ['will stop after a delay', { hasBegun: true }, 'stopping', false],
  ['stops', { target: { goal: 'stop gracefully' }, hasBegun: true }, 'stopping', true],
  ['stops at once', { target: { goal: 'stop immediately' }, hasBegun: true }, 'stopping', true],
  [
    'has a next manager',
    { target: { goal: 'stop gracefully' }, hasBegun: true, hasSucceeded: true },
    'handedOver',
    false,
  ],
]) {
  it(`a server that ${title} is in the phase ${phase}`, () => {
    const { board, news } = published(state);
    assert.equal(news.phase, Phase[phase]);
    assert.equal(board.isStopping, isStopping);
  });
}

it('the pages say what reloads came to, which PID file it has, and in which state each worker is', () => {
  const { board, page, news } = published();
  assert.deepEqual(
    [news.reloads, news.reloaded, news.reloadFailed, news.reloadCulprit, news.upgrades, news.workers, news.stopTakes],
    [3, 2, 3, 77, 1, 4, 40_000],
  );
  assert.equal(board.used, 5);
  assert.equal(board.hasPidFile(2 ** 40 + 9), true);
  assert.equal(page.records()[0].state, 2);
});
