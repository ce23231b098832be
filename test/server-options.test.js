// What an application sets on its own server counts: the options and properties that `net.Server` hands to its sockets, or asks
// at a new connection. Each is compared with Node's own server.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { cleanAfter } from './helpers/cleanup.js';
import { get } from './helpers/client.js';
import { open } from './helpers/connection.js';
import { startServer } from './helpers/server.js';

const OPTIONS = { workers: 1, keepAliveTimeout: 60_000 };
const WAYS = {
  plain: 'plain',
  'a pool': JSON.stringify(OPTIONS),
  single: JSON.stringify({ ...OPTIONS, single: true }),
  portable: JSON.stringify({ ...OPTIONS, single: true }),
};
/** `portable` is `single` where there is no Linux. */
const ELSEWHERE = { execArgv: ['--import', './platform.js'], env: { PLATFORM: 'darwin' } };

for (const [title, how] of Object.entries(WAYS)) {
  const start = async (t, settings) => {
    const server = startServer(t, 'server-options.js', {
      args: [how, JSON.stringify(settings)],
      ...(title === 'portable' ? ELSEWHERE : {}),
    });
    await server.healthy(1);
    const target = await server.address();
    return { server, target, ask: async () => JSON.parse((await get(target)).body) };
  };

  test(`${title}: \`highWaterMark\` is that of each socket`, async (t) => {
    const { ask } = await start(t, { create: { highWaterMark: 1024 } });
    const { readableHighWaterMark, writableHighWaterMark } = await ask();
    assert.deepEqual([readableHighWaterMark, writableHighWaterMark], [1024, 1024]);
  });

  test(`${title}: \`pauseOnConnect\` pauses each socket`, async (t) => {
    const { ask } = await start(t, { properties: { pauseOnConnect: true } });
    assert.equal((await ask()).wasPaused, true);
  });

  test(`${title}: an http server lets its clients close their side`, async (t) => {
    const { ask } = await start(t, {});
    assert.equal((await ask()).allowHalfOpen, true);
  });

  test(`${title}: \`maxConnections\` drops what is too much, and says so`, async (t) => {
    const { server, target, ask } = await start(t, { properties: { maxConnections: 2 } });
    const kept = [await open(target), await open(target)];
    for (const connection of kept) {
      cleanAfter(t, () => connection.close());
      assert.equal((await connection.request()).status, 200);
    }
    await assert.rejects(get(target), { code: 'ECONNRESET' });
    const [, keys, from] = await server.waitForLine(/^dropped (.*) of (.*)$/);
    assert.equal(from, '127.0.0.1');
    assert.match(keys, /"remoteAddress","remoteFamily","remotePort"/);
    kept[0].close();
    // the place is free as soon as the server has seen the end
    for (let i = 0; ; i++) {
      const isServed = await ask().then(
        () => true,
        () => false,
      );
      if (isServed) break;
      assert.ok(i < 100, 'nobody is served in the free place');
    }
  });

  test(`${title}: \`maxConnections = 0\` is what it is for this Node`, async (t) => {
    const { ask } = await start(t, { properties: { maxConnections: 0 } });
    const isLimit = Number.parseInt(process.versions.node, 10) >= 21;
    if (isLimit) await assert.rejects(ask(), { code: 'ECONNRESET' });
    else assert.ok(await ask());
  });

  test(`${title}: a socket knows its server, and Node's channel tells of it`, async (t) => {
    const { ask } = await start(t, {});
    const { ofServer, heard } = await ask();
    assert.deepEqual([ofServer, heard], [true, 1]);
  });

  test(`${title}: \`keepAlive\` and its delay reach the kernel`, async (t) => {
    const { target } = await start(t, { create: { keepAlive: true, keepAliveInitialDelay: 5000 } });
    const connection = await open(target);
    cleanAfter(t, () => connection.close());
    await connection.request();
    const { timer, ticks } = timerOf(target.port);
    assert.equal(timer, 'keep-alive');
    assert.ok(ticks > 0 && ticks <= 500, `${ticks} ticks, 5 s are 500`);
  });

  test(`${title}: \`blockList\` closes the connections of an address`, {
    skip: !hasBlockList() && 'this Node has none',
  }, async (t) => {
    const { server, target } = await start(t, { blocked: '127.0.0.1' });
    await assert.rejects(get(target), { code: 'ECONNRESET' });
    assert.equal(server.count(/^dropped/), 0, 'a blocked connection is none that was dropped');
  });
}

/** Servers have the option since Node 23. */
function hasBlockList() {
  const [major] = process.versions.node.split('.').map(Number);
  return major >= 23;
}

/** The timer of the server's side of an established connection, proc(5) and /proc/net/tcp. */
function timerOf(port) {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/ +/));
  const [, , , , , timer = ''] = lines.find(([, from, , state]) => from === local && state === '01') ?? [];
  const [kind, ticks] = timer.split(':');
  return { timer: kind === '02' ? 'keep-alive' : kind, ticks: Number.parseInt(ticks, 16) };
}
