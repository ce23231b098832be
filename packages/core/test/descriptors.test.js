// The descriptors that a new process gets are found where the manager has put them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  FACTS_FD,
  layOutNext,
  layOutWorker,
  PIPE_FD,
  readNext,
  readWorker,
  SCOREBOARD_FD,
  STATS_FD,
  TAKEOVER_FD,
} from '../dist/descriptors.js';

/** As spawn() numbers them: what lies at a descriptor of the new process. */
const spawned = (descriptors) => (fd) => descriptors[fd - PIPE_FD - 1];

describe('a worker finds', () => {
  for (const [title, sockets, channel] of [
    ['no listening socket', [], undefined],
    ['one', [[200]], undefined],
    ['several seats of a location, and the channel', [[200, 201, 202], [210]], 300],
    ['a location without a socket between two others', [[200], [], [210, 211]], 300],
    ['the channel alone', [], 300],
  ]) {
    it(title, () => {
      const at = spawned(layOutWorker({ scoreboard: 100, facts: 101, stats: 102, sockets, channel }));
      assert.deepEqual([at(SCOREBOARD_FD), at(FACTS_FD), at(STATS_FD)], [100, 101, 102]);
      const found = readWorker(sockets.map(({ length }) => length));
      assert.deepEqual(
        found.sockets.map((fds) => fds.map(at)),
        sockets,
      );
      assert.equal(at(found.channel), channel);
    });
  }
});

describe('the next manager finds', () => {
  for (const [title, sockets, activated, pidFile] of [
    ['the statistics alone', [], [], undefined],
    ['sockets', [200, 201], [], undefined],
    ['sockets, those of systemd and the PID file', [200, 201], [210], 300],
    ['those of systemd', [], [210, 211], undefined],
    ['the PID file', [], [], 300],
  ]) {
    it(title, () => {
      const at = spawned(layOutNext({ takeover: 100, sockets, activated, pidFile, stats: 400 }));
      assert.equal(at(TAKEOVER_FD), 100);
      const found = readNext(sockets.length, activated.length, pidFile !== undefined);
      assert.deepEqual(found.sockets.map(at), sockets);
      assert.deepEqual(found.activated.map(at), activated);
      assert.equal(found.pidFile === undefined ? undefined : at(found.pidFile), pidFile);
      assert.equal(at(found.stats), 400);
      assert.equal(found.takeover, TAKEOVER_FD);
    });
  }
});
