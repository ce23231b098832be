// Requests and responses of an Express app have its prototypes from the start, and only the app sees them so.

import assert from 'node:assert/strict';
import test from 'node:test';
import { tlsLocation } from './helpers/certificate.js';
import { tempDir } from './helpers/files.js';
import { serve } from './helpers/serve.js';

for (const version of [5, 4]) {
  test(`Express ${version} has no prototype to change, of no request on a connection`, async (t) => {
    const { connect } = await serve(t, 'prototypes.js', { version });
    const connection = await connect();
    const expected = { changes: 0, ip: '127.0.0.1', isMounted: false };
    for (let i = 0; i < 3; i++) assert.deepEqual(await ask(connection), expected);
  });

  test(`an Express ${version} app that is mounted on another has its own, and gives them back`, async (t) => {
    const { connect } = await serve(t, 'prototypes.js', { version });
    const connection = await connect();
    for (let i = 0; i < 2; i++) {
      assert.equal((await ask(connection, '/mounted')).isMounted, true);
      assert.equal((await ask(connection, '/mounted/on')).isMounted, false);
    }
  });

  test(`a listener for upgrades may set what requests of Express ${version} compute`, async (t) => {
    const { connect } = await serve(t, 'prototypes.js', { version });
    const upgrade = { headers: { Connection: 'Upgrade', Upgrade: 'something' } };
    assert.equal((await (await connect()).request(upgrade)).body.toString(), '192.0.2.1');
  });

  test(`so may a listener that requests reach before the Express ${version} app`, async (t) => {
    const { connect } = await serve(t, 'prototypes.js', { version, listener: true });
    assert.equal((await ask(await connect())).ip, '192.0.2.1');
  });
}

test('over TLS Express has no prototype to change', async (t) => {
  const { connect } = await serve(t, 'prototypes.js', { listen: [tlsLocation(tempDir(t))] });
  assert.equal((await ask(await connect())).changes, 0);
});

test('a server that `createServer` makes is left as it is', async (t) => {
  const { connect } = await serve(t, 'prototypes.js', { own: true });
  assert.equal((await ask(await connect())).changes, 2);
});

async function ask(connection, path = '/') {
  return JSON.parse((await connection.request({ path })).body);
}
