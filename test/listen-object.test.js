// The object form of `listen`, its callback, and `upgrade()`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prefork } from '@prefork/core';
import { answers, project } from './helpers/command.js';
import { startServer } from './helpers/server.js';

/** A script with this text, in a folder that finds the packages. */
function script(t, text) {
  const head =
    "import { prefork } from '@prefork/core';\nconst listener = (request, response) => response.end('old');\n";
  const dir = project(t, { 'server.mjs': head + text, 'app.mjs': answers('app') });
  return startServer(t, `${dir}/server.mjs`, { cwd: dir, dir });
}

describe('a name that `listen` does not know is a TypeError with a hint', () => {
  for (const [name, hint] of [
    ['hosst', 'host'],
    ['prot', 'port'],
    ['ipv6only', 'ipv6Only'],
    ['backlogg', 'backlog'],
  ]) {
    test(name, () => {
      const server = prefork(() => {});
      assert.throws(() => server.listen({ port: 0, [name]: 1 }), {
        name: 'TypeError',
        message: `Unknown name \`${name}\` in the object given to \`listen\`, did you mean \`${hint}\`?`,
      });
    });
  }

  test('one that is like none', () => {
    assert.throws(
      () => prefork(() => {}).listen({ port: 0, whatever: 1 }),
      /^TypeError: Unknown name `whatever` in the object given to `listen`$/,
    );
  });
});

test('what Node knows is taken', async (t) => {
  const server = script(
    t,
    "prefork(listener, { workers: 1 }).listen({ port: 0, host: '127.0.0.1', exclusive: false, readableAll: false });",
  );
  assert.equal((await server.get()).body, 'old');
});

for (const value of ['now', 1, null, {}]) {
  test(`\`signal\` that is ${JSON.stringify(value)} is a TypeError`, () => {
    assert.throws(
      () => prefork(() => {}).listen({ port: 0, signal: value }),
      /^TypeError: Expected `signal` to be an AbortSignal, got /,
    );
  });
}

test('a signal that aborts stops the server gracefully', async (t) => {
  const server = script(
    t,
    `const controller = new AbortController();
     const server = prefork(listener, { workers: 1 });
     server.once('finish', (graceful) => console.log('finish', graceful));
     server.listen({ port: 0, host: '127.0.0.1', signal: controller.signal }, () => setTimeout(() => controller.abort(), 200));`,
  );
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  assert.ok(server.stdout.includes('finish true'));
});

test('a signal that has aborted before ends the server at once, and leaves nothing', async (t) => {
  const server = script(
    t,
    "prefork(listener, { workers: 1 }).listen({ port: 0, host: '127.0.0.1', signal: AbortSignal.abort() });",
  );
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  assert.equal(server.count(/nobody told it to|\[error\]/), 0, server.output);
});

describe('a start that fails', () => {
  const listen = (callback) => `const server = prefork(listener, { workers: 1 });
    server.on('error', (error) => console.log('event', error.code));
    server.listen('/nowhere/at/all.sock', ${callback});`;

  test('is told to a callback that takes an argument, and nowhere else', async (t) => {
    const server = script(t, listen("(error) => console.log('callback', error?.code)"));
    assert.equal((await server.ended).code, 1);
    assert.deepEqual(server.stdout, ['callback ENOENT']);
  });

  test('is an event where the callback takes none: it is called on success only', async (t) => {
    const server = script(t, listen("() => console.log('ready')"));
    assert.equal((await server.ended).code, 1);
    assert.deepEqual(server.stdout, ['event ENOENT']);
  });
});

test('upgrade() starts the next manager, which takes over', async (t) => {
  const server = script(
    t,
    `const server = prefork(listener, { workers: 1 });
     if (server.isManager) process.once('SIGWINCH', () => server.upgrade());
     server.listen(0, '127.0.0.1', () => console.log('ready'));`,
  );
  await server.waitForLine(/^ready$/);
  process.kill(server.pid, 'SIGWINCH');
  await server.waitForLine(/Upgrade finished, manager \d+ takes over/);
  assert.equal((await server.get()).body, 'old');
});
