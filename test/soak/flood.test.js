// Minutes of load while the workers are reloaded, recycled and resized all the time.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { tlsLocation } from '../helpers/certificate.js';
import { tempDir } from '../helpers/files.js';
import { assertNothingLost, flood } from '../helpers/flood.js';
import { serve } from '../helpers/serve.js';

const LOCATIONS = {
  TCP: () => 'http://127.0.0.1:0',
  'a UNIX socket': (t) => `http+unix://${encodeURIComponent(join(tempDir(t), 'app.sock'))}`,
  TLS: (t) => tlsLocation(tempDir(t)),
};

for (const [name, location] of Object.entries(LOCATIONS)) {
  test(`a long flood on ${name} loses nothing over 50 reloads with recycles and resizes between them`, async (t) => {
    const options = { workers: 2, accepts: 500, listen: location(t) };
    const { server, target } = await serve(t, 'collect.js', options);
    let isOver = false;
    const until = () => isOver;
    const clients = [
      flood(target, { clients: 4, pause: 2, until }),
      flood(target, { clients: 4, pause: 2, keepAlive: false, until }),
    ];
    for (let i = 0; i < 50; i++) {
      const after = server.lines.length;
      process.kill(server.pid, i % 2 ? 'SIGTTIN' : 'SIGTTOU');
      process.kill(server.pid, 'SIGHUP');
      await server.waitForLine(/^reload done/, { after });
    }
    isOver = true;
    let sent = 0;
    for (const tally of await Promise.all(clients)) {
      assertNothingLost(tally);
      sent += tally.sent;
    }
    t.diagnostic(`${sent} POSTs, ${server.count(/^reap/)} workers have gone`);
    assert.equal(server.count(/immediately|early|no heartbeat/), 0);
    process.kill(server.pid, 'SIGQUIT');
    assert.deepEqual(await server.ended, { code: 0, signal: null });
  });
}
