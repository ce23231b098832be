// HUP: new workers take over from the old ones, if they come up.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';

const GOOD = (text) => `export const answer = () => '${text}';`;
const BROKEN = {
  'that throws': `throw new Error('the new code is broken');`,
  'that ends the process': `process.exit(0);`,
  'that never comes up': `setInterval(() => {}, 1000); await new Promise(() => {});`,
  'that blocks': `for (;;);`,
};

test('HUP replaces every worker, keeps manager and files, and answers with the new code', async (t) => {
  const { server, change } = start(t, { workers: 2 });
  const before = await server.healthy(2);
  const files = stat(server.dir);
  change(GOOD('new'));
  await reload(server, /^reload done$/);
  for (const pid of before) await server.waitForLine(new RegExp(`^reap ${pid}$`));
  const after = await server.healthy(2);
  assert.equal(new Set([...before, ...after]).size, 4);
  assert.equal((await server.get()).body, 'new');
  assert.deepEqual(stat(server.dir), files);
  assert.equal(readFileSync(join(server.dir, 'prefork.pid'), 'utf8'), `${server.pid}\n`);
  assert.equal(server.count(/immediately|too early|has no heartbeat/), 0, server.output);
});

test('at no time do fewer workers serve than there should be', async (t) => {
  const { server } = start(t, { workers: 2 });
  await server.healthy(2);
  const after = server.lines.length;
  await reload(server, /^reload done$/);
  let serving = 2;
  for (const line of server.lines.slice(after)) {
    if (/^healthy/.test(line)) serving += 1;
    if (/Trying to stop/.test(line)) serving -= 1;
    assert.ok(serving >= 2, server.output);
  }
  assert.equal(serving, 2, server.output);
});

describe('HUP to code', { concurrency: 2 }, () => {
  for (const [what, code] of Object.entries(BROKEN)) {
    test(`${what} keeps the old workers, and a later HUP works`, async (t) => {
      const { server, change } = start(t, { workers: 2, heartbeatInterval: 200, heartbeatTimeout: 8_000 });
      const before = await server.healthy(2);
      change(code);
      await reload(server, /^reload Reload failed: worker \d+ /);
      assert.equal(server.count(/\[error\] Reload failed, .*the old workers stay/), 1, server.output);
      assert.deepEqual(await server.healthy(2), before);
      assert.equal((await server.get()).body, 'old');
      assert.equal(server.pids('spawn').length, 3, 'one was tried');

      change(GOOD('new'));
      await reload(server, /^reload done$/);
      for (const pid of before) await server.waitForLine(new RegExp(`^reap ${pid}$`));
      assert.equal((await server.get()).body, 'new');
      assert.equal(
        (await server.healthy(2)).some((pid) => before.includes(pid)),
        false,
      );
    });
  }
});

test('after a failed reload a worker that dies is replaced by one that serves', async (t) => {
  const { server, change } = start(t, { workers: 2 });
  const before = await server.healthy(2);
  change(BROKEN['that throws']);
  await reload(server, /^reload Reload failed/);
  change(GOOD('new'));
  signal(before[0], 'SIGKILL');
  await server.waitForLine(new RegExp(`^reap ${before[0]}$`));
  const after = await server.healthy(2);
  assert.ok(after.includes(before[1]));
});

test('HUPs that come during a reload make one more', async (t) => {
  const { server, change } = start(t, { workers: 1 });
  await server.healthy(1);
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/Reloading the workers/);
  const after = server.lines.length;
  change(GOOD('new'));
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(/^reload done$/, { after });
  await server.waitForLine(/^reload done$/, { after: server.lines.indexOf('reload done') + 1 });
  const [pid] = await server.healthy(1);
  assert.equal(pid, server.pids('spawn').at(-1));
  assert.equal((await server.get()).body, 'new');
  assert.equal(server.pids('spawn').length, 3);
});

test('HUP while the first worker boots ends no process', async (t) => {
  const server = startServer(t, 'gated.js', { options: { workers: 1, listen: 'http://127.0.0.1:0' } });
  const [, pid] = await server.waitForLine(/^loading in (\d+)$/);
  signal(server.pid, 'SIGHUP');
  writeFileSync(join(server.dir, 'go'), '');
  assert.deepEqual(await server.healthy(1), [Number(pid)]);
  assert.equal((await server.get()).status, 200);
});

test('a reload with requests in flight loses none of them', async (t) => {
  const server = startServer(t, 'echo.js', { options: { workers: 2 } });
  const before = await server.healthy(2);
  const answer = server.get('/wait');
  await server.waitForLine(/^waits in /);
  await reload(server, /^reload done$/);
  writeFileSync(join(server.dir, 'go'), '');
  assert.ok(before.includes(Number((await answer).body)));
  for (const pid of before) await server.waitForLine(new RegExp(`^reap ${pid}$`));
});

function start(t, options) {
  const app = join(tempDir(t), 'app.mjs');
  const change = (code) => writeFileSync(app, code);
  change(GOOD('old'));
  return { server: startServer(t, 'app-file.js', { options, args: [app] }), change };
}

async function reload(server, pattern) {
  const after = server.lines.length;
  signal(server.pid, 'SIGHUP');
  await server.waitForLine(pattern, { after });
}

/** Name and inode of each file in the folder. */
function stat(dir) {
  return readdirSync(dir).map((name) => [name, statSync(join(dir, name)).ino]);
}
