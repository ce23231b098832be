// Minutes of load while the workers are reloaded, recycled and resized all the time.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { tlsLocation } from '../helpers/certificate.js';
import { tempDir } from '../helpers/files.js';
import { assertNothingLost, flood } from '../helpers/flood.js';
import { assertNothingLostHttp2, floodHttp2 } from '../helpers/flood-http2.js';
import { serve } from '../helpers/serve.js';

const RELOADS = 50;

const LOCATIONS = {
  TCP: () => 'http://127.0.0.1:0',
  'a UNIX socket': (t) => `http+unix://${encodeURIComponent(join(tempDir(t), 'app.sock'))}`,
  TLS: (t) => tlsLocation(tempDir(t)),
};

const KINDS = [
  ...Object.entries(LOCATIONS).map(([name, location]) => [name, location, 'collect.js', floodHttp1]),
  ['http2 in the clear', LOCATIONS.TCP, 'http2.js', floodSessions],
  ['http2 over TLS', LOCATIONS.TLS, 'http2.js', floodSessions],
];

for (const [name, location, fixture, begin] of KINDS) {
  test(`a long flood on ${name} loses nothing over ${RELOADS} reloads with recycles and resizes between them`, async (t) => {
    const options = { workers: 2, accepts: 500, listen: location(t) };
    const { server, target } = await serve(t, fixture, options);
    let isOver = false;
    const over = begin(target, () => isOver);
    for (let i = 0; i < RELOADS; i++) {
      const after = server.lines.length;
      process.kill(server.pid, i % 2 ? 'SIGTTIN' : 'SIGTTOU');
      process.kill(server.pid, 'SIGHUP');
      await server.waitForLine(/^reload done/, { after });
    }
    isOver = true;
    const sent = await over;
    t.diagnostic(`${sent} POSTs, ${server.count(/^reap/)} workers have gone`);
    assert.equal(server.count(/immediately|early|no heartbeat/), 0);
    process.kill(server.pid, 'SIGQUIT');
    assert.deepEqual(await server.ended, { code: 0, signal: null });
  });
}

/** Half of the clients keep their connections, the others do not. @returns how many requests were sent, all of them answered */
async function floodHttp1(target, until) {
  const clients = [true, false].map((keepAlive) => flood(target, { clients: 4, pause: 2, keepAlive, until }));
  const tallies = await Promise.all(clients);
  for (const tally of tallies) assertNothingLost(tally);
  return tallies.reduce((sum, { sent }) => sum + sent, 0);
}

/** The same with sessions. */
async function floodSessions(target, until) {
  const ways = [true, false].map((keepsSession) => floodHttp2(target, { clients: 4, pause: 2, keepsSession, until }));
  const tallies = await Promise.all(ways);
  for (const tally of tallies) assertNothingLostHttp2(tally);
  return tallies.reduce((sum, { sent }) => sum + sent, 0);
}
