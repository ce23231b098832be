// A machine, or a Node, that has not what sharing a listening socket needs: one clear error at the start, and `single` serves.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { get } from './helpers/client.js';
import { startServer } from './helpers/server.js';

const LACKING = {
  machine: /this machine is `arm` \(LE\), expected one of x64, arm64, .* \(LE\);/,
  order: /this machine is `\w+` \(BE\), expected one of/,
  fields: /Node v\S+ has changed the fields of net\.Server, which is private to it: run Node 20, 22, 24 or 26;/,
  handle: /Node v\S+ has changed the handle of a listening socket \(open\), which is private to it/,
};

for (const [lacks, why] of Object.entries(LACKING)) {
  describe(`where the ${lacks} is another`, () => {
    const other = { execArgv: ['--import', './other-node.js'], env: { LACKS: lacks } };

    test('a pool does not start, with one error that names `single`', async (t) => {
      const server = startServer(t, 'echo.js', { options: { workers: 2, listen: ['http://127.0.0.1:0'] }, ...other });
      assert.deepEqual(await server.ended, { code: 1, signal: null });
      const errors = server.stderr.filter((line) => line.includes('[error]'));
      assert.equal(errors.length, 1, server.output);
      assert.match(errors[0], why);
      assert.match(errors[0], /Can't share a listening socket here, .*; `single: true` serves without$/);
      assert.equal(server.count(/Listening at|Worker \d+ started/), 0, server.output);
      assert.deepEqual(readdirSync(server.dir), []);
    });

    test('`single` serves, and says why it does so by other means', async (t) => {
      const server = startServer(t, 'echo.js', { options: { single: true, listen: ['http://127.0.0.1:0'] }, ...other });
      const { port } = await server.address();
      assert.equal((await get(port, '/')).status, 200);
      assert.equal(server.count(/\[warn\] Can't share a listening socket here/), 1, server.output);
    });
  });
}
