// Reloads under load: clients that did nothing wrong lose nothing.

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { tlsLocation } from './helpers/certificate.js';
import { tempDir } from './helpers/files.js';
import { assertNothingLost, flood } from './helpers/flood.js';
import { listeningInode } from './helpers/kernel.js';
import { serve } from './helpers/serve.js';

const RELOADS = 4;

/** Reloads again and again, each time as soon as the last one is over, until the count is reached. */
async function reloadBackToBack(server, count) {
  for (let i = 0; i < count; i++) {
    const after = server.lines.length;
    process.kill(server.pid, 'SIGHUP');
    await server.waitForLine(/^reload done/, { after });
  }
}

const LOCATIONS = {
  TCP: () => 'http://127.0.0.1:0',
  'a UNIX socket': (t) => `http+unix://${encodeURIComponent(join(tempDir(t), 'app.sock'))}`,
  TLS: (t) => tlsLocation(tempDir(t)),
};

for (const [name, location] of Object.entries(LOCATIONS)) {
  for (const clients of [1, 8]) {
    for (const keepAlive of [true, false]) {
      const connections = keepAlive ? 'kept connections' : 'a connection for each request';
      const who = clients === 1 ? '1 client' : `${clients} clients`;
      test(`back-to-back reloads lose none of 500 POSTs: ${who} on ${name}, ${connections}`, async (t) => {
        const { server, pids, target } = await serve(t, 'collect.js', { workers: 2, listen: location(t) });
        let isOver = false;
        const reloads = reloadBackToBack(server, RELOADS).finally(() => {
          isOver = true;
        });
        const tally = await flood(target, { requests: 500, clients, keepAlive, pause: 1, until: () => isOver });
        await reloads;
        assertNothingLost(tally);
        assert.ok(tally.answered >= 500);
        // old and new workers took part
        assert.ok([...tally.workers.keys()].filter((pid) => !pids.includes(pid)).length >= 2);
        assert.equal(server.count(/immediately/), 0);
      });
    }
  }
}

test('10 reloads of broken code under load lose nothing and leave every worker as it was', async (t) => {
  const broken = join(tempDir(t), 'broken');
  const { server, pids, target } = await serve(t, 'collect.js', { workers: 2 }, { args: [broken] });
  writeFileSync(broken, '');
  let failed = 0;
  const load = flood(target, { clients: 4, pause: 1, until: () => failed === 10 });
  for (; failed < 10; failed++) {
    const after = server.lines.length;
    process.kill(server.pid, 'SIGHUP');
    await server.waitForLine(/^reload Reload failed/, { after });
  }
  const tally = await load;
  assertNothingLost(tally);
  assert.deepEqual([...tally.workers.keys()].sort(), [...pids].sort());
  assert.equal(server.count(/Error: this code is broken/), 10);

  rmSync(broken);
  process.kill(server.pid, 'SIGHUP');
  await server.waitForLine(/^reload done/);
  for (const pid of pids) await server.waitForLine(new RegExp(`^reap ${pid}$`));
  assertNothingLost(await flood(target, { requests: 50 }));
});

test('the listening socket is the same one after reloads and recycles', async (t) => {
  const { server, target } = await serve(t, 'collect.js', { workers: 2, accepts: 20 });
  const inode = listeningInode(target.port);
  await reloadBackToBack(server, 2);
  const until = () => server.pids('reap').length >= 8;
  assertNothingLost(await flood(target, { requests: 0, keepAlive: false, until }));
  assert.match(inode, /^\d+$/);
  assert.equal(listeningInode(target.port), inode);
});
