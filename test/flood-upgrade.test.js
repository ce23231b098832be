// Hot upgrades of the manager under load: clients that did nothing wrong lose nothing.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { tlsLocation } from './helpers/certificate.js';
import { tempDir } from './helpers/files.js';
import { assertNothingLost, flood } from './helpers/flood.js';
import { listeningInode } from './helpers/kernel.js';
import { serve } from './helpers/serve.js';

const UPGRADES = 3;

const LOCATIONS = {
  TCP: () => 'http://127.0.0.1:0',
  'a UNIX socket': (t) => `http+unix://${encodeURIComponent(join(tempDir(t), 'app.sock'))}`,
  TLS: (t) => tlsLocation(tempDir(t)),
};

/** Upgrades again and again, each time as soon as the last one is over; returns the pid of the manager there is then. */
async function upgradeBackToBack(server, count) {
  let manager = server.pid;
  for (let i = 0; i < count; i++) {
    const after = server.lines.length;
    process.kill(manager, 'SIGUSR2');
    const [, next] = await server.waitForLine(/Upgrade finished, manager (\d+) takes over/, { after });
    manager = Number(next);
  }
  return manager;
}

for (const [name, location] of Object.entries(LOCATIONS)) {
  test(`back-to-back hot upgrades lose none of 500 POSTs on ${name}, and leave nothing behind`, async (t) => {
    const { server, target } = await serve(t, 'collect.js', { workers: 2, listen: location(t) });
    const inode = target.port && listeningInode(target.port);
    let manager;
    const upgrades = upgradeBackToBack(server, UPGRADES).then((pid) => {
      manager = pid;
    });
    const options = { clients: 4, pause: 1, until: () => manager !== undefined };
    const tallies = await Promise.all([flood(target, options), flood(target, { ...options, keepAlive: false })]);
    await upgrades;
    for (const tally of tallies) assertNothingLost(tally);
    if (target.port) assert.equal(listeningInode(target.port), inode);
    assert.notEqual(manager, server.pid);

    process.kill(manager, 'SIGQUIT');
    await server.ended;
    assert.deepEqual(server.processes(), []);
    assert.deepEqual(
      readdirSync(server.dir).filter((file) => file.startsWith('prefork.')),
      [],
    );
  });
}
