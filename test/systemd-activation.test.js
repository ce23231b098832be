// Sockets that systemd has bound, passed on by the real systemd-socket-activate. It becomes the server when a first client
// connects.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { cleanAfter } from './helpers/cleanup.js';
import { connect, get, listens, ownLoopback } from './helpers/client.js';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';
import { startChanging, upgrade } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

/** For `via` of startServer: systemd-socket-activate binds the addresses, and hands on no variable that is not named. */
function activate(addresses, ...flags) {
  const keep = ['PREFORK_TEST', 'TMPDIR'].flatMap((name) => ['-E', name]);
  return ['systemd-socket-activate', ...keep, ...addresses.flatMap((address) => ['-l', address]), ...flags];
}

/** A server that runs the fixture `variables.js` at such locations, with the sockets as targets for clients. */
function startActivated(t, locations, addresses, ...flags) {
  const via = activate(addresses, ...flags);
  return startServer(t, 'variables.js', { options: { workers: 2 }, args: [JSON.stringify(locations)], via });
}

/** A client has to be there first. */
async function wake(server, address) {
  await server.waitForLine(new RegExp(`^Listening on ${address} as `));
  return get(targetOf(address));
}

function targetOf(address) {
  if (address.startsWith('/')) return address;
  const [host, port] = address.split(':');
  return { host, port: Number(port) };
}

function listening(server) {
  return server.lines.map((line) => /\] Listening at "(.*)"/.exec(line)?.[1]).filter(Boolean);
}

describe('a server that systemd started', () => {
  test('serves where systemd has bound, and keeps the variables to itself', async (t) => {
    const address = `${ownLoopback()}:8080`;
    const server = startActivated(t, 'http://*:3000', [address]);
    const { body } = await wake(server, address);
    const workers = await server.healthy(2);
    const { pid, variables } = JSON.parse(body);
    assert.ok(workers.includes(pid), server.output);
    assert.deepEqual(variables, []);
    await server.waitForLine(/^manager has \[\]$/);
    assert.deepEqual(listening(server), [`http://${address}`]);
    signal(server.pid, 'SIGQUIT');
    assert.deepEqual(await server.ended, { code: 0, signal: null });
  });

  test('leaves a UNIX socket of systemd where it is', async (t) => {
    const path = join(tempDir(t), 'app.sock');
    const server = startActivated(t, `http+unix://${encodeURIComponent(path)}`, [path]);
    assert.equal((await wake(server, path)).status, 200);
    const { ino } = statSync(path);
    signal(server.pid, 'SIGQUIT');
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    assert.equal(statSync(path).ino, ino);
  });

  test('gives each location the socket at its address, and binds what systemd has not', async (t) => {
    const host = ownLoopback();
    const [first, second, third] = [8081, 8082, 8083].map((port) => `${host}:${port}`);
    const server = startActivated(t, [`http://${second}`, `http://${third}`, `http://${first}`], [first, second]);
    await wake(server, first);
    assert.deepEqual(listening(server), [`http://${second}`, `http://${third}`, `http://${first}`]);
    for (const address of [first, second, third]) assert.equal((await get(targetOf(address))).status, 200);
  });

  test('gives each location the socket that it names, and serves the others as well', async (t) => {
    const host = ownLoopback();
    const [web, admin, more] = [8081, 8082, 8083].map((port) => `${host}:${port}`);
    const locations = ['http://*:1?fd=admin', 'http://*:2?fd=web'];
    const server = startActivated(t, locations, [web, admin, more], '--fdname=web:admin:more');
    await wake(server, web);
    assert.deepEqual(listening(server), [`http://${admin}`, `http://${web}`, `http://${more}`]);
    for (const address of [web, admin, more]) assert.equal((await get(targetOf(address))).status, 200);
  });

  test('finds a socket by its number, too', async (t) => {
    const host = ownLoopback();
    const [first, second] = [8081, 8082].map((port) => `${host}:${port}`);
    const server = startActivated(t, ['http://*:1?fd=4', 'http://*:2'], [first, second]);
    await wake(server, first);
    assert.deepEqual(listening(server), [`http://${second}`, `http://${first}`]);
  });

  test('never waits in accept(2), although systemd passes sockets that block', async (t) => {
    const address = `${ownLoopback()}:8080`;
    // before a worker has touched it
    const server = startServer(t, 'echo.js', { options: { workers: 0 }, via: activate([address]) });
    await server.waitForLine(/^Listening on /);
    await connect(t, targetOf(address));
    await server.waitForLine(/^listening$/);
    const [, flags] = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/${server.pid}/fdinfo/3`, 'latin1'));
    const O_NONBLOCK = 0o4000;
    assert.equal(Number.parseInt(flags, 8) & O_NONBLOCK, O_NONBLOCK);
  });
});

describe('what systemd passed on and nobody can serve ends the start:', () => {
  test('a socket that is not there', async (t) => {
    const address = `${ownLoopback()}:8080`;
    const server = startActivated(t, 'http://*:1?fd=web', [address], '--fdname=admin');
    await server.waitForLine(/^Listening on /);
    await connect(t, targetOf(address));
    assert.deepEqual(await server.ended, { code: 1, signal: null });
    const message =
      /\[error\] systemd passed no socket "web", but "admin": set FileDescriptorName=web in the socket unit/;
    assert.equal(server.count(message), 1, server.output);
    assert.deepEqual(server.pids('spawn'), []);
  });

  test('a datagram socket', async (t) => {
    const [host, port] = [ownLoopback(), 8080];
    const server = startActivated(t, 'http://*:1', [`${host}:${port}`], '--datagram');
    await server.waitForLine(/^Listening on /);
    const client = createSocket('udp4');
    cleanAfter(t, () => client.close());
    client.send('anybody?', port, host);
    assert.deepEqual(await server.ended, { code: 1, signal: null });
    assert.equal(server.count(/\[error\] Descriptor 3 from systemd, ".*", is no listening stream socket/), 1);
    assert.deepEqual(server.pids('spawn'), []);
  });

  test('a connection, of Accept=yes', async (t) => {
    const address = `${ownLoopback()}:8080`;
    const server = startActivated(t, 'http://*:1', [address], '--accept');
    await server.waitForLine(/^Listening on /);
    await connect(t, targetOf(address));
    await server.waitForLine(/\[error\] Descriptor 3 .* is no listening stream socket: .* with Accept=no/);
    assert.deepEqual(server.pids('spawn'), []);
  });
});

test('sockets that were passed to another process are not ours', async (t) => {
  const server = startServer(t, 'variables.js', {
    options: { workers: 1 },
    args: ['"http://127.0.0.1:0"'],
    env: { LISTEN_PID: '1', LISTEN_FDS: '1' },
  });
  const { variables } = JSON.parse((await server.get()).body);
  assert.deepEqual(variables.toSorted(), ['LISTEN_FDS', 'LISTEN_PID']);
});

test('a name of a socket, where systemd passed none, says what to do', async (t) => {
  const server = startServer(t, 'echo.js', { options: { listen: 'http://127.0.0.1:0?fd=web' } });
  assert.deepEqual(await server.ended, { code: 1, signal: null });
  assert.equal(
    server.count(/systemd passed no socket "web": set FileDescriptorName=web .*, or leave `fd=web` away/),
    1,
  );
});

describe('an upgrade hands on', () => {
  const host = ownLoopback();
  const asked = (path, ...more) => ['http://*:3000?fd=3', `http+unix://${encodeURIComponent(path)}`, ...more];
  const cases = {
    'all sockets of systemd, also those that no location asked for': {
      more: [],
      sockets: (path) => [`${host}:8081`, path, `${host}:8082`],
    },
    'sockets of systemd and those of the server': {
      more: [`http://${host}:8082`],
      sockets: (path) => [`${host}:8081`, path],
    },
  };
  for (const [what, { more, sockets }] of Object.entries(cases)) {
    test(what, async (t) => {
      const path = join(tempDir(t), 'app.sock');
      const options = { workers: 1, listen: asked(path, ...more) };
      const { server } = startChanging(t, options, {}, activate(sockets(path)));
      await wake(server, `${host}:8081`);
      await server.healthy(1);
      const { ino } = statSync(path);
      const before = [`http://${host}:8081`, options.listen[1], `http://${host}:8082`];
      assert.deepEqual(listening(server), before);
      let manager = server.pid;
      for (let i = 0; i < 2; i++) {
        manager = await upgrade(server, manager);
        assert.deepEqual(listening(server).slice(-before.length), before);
      }
      await eventually(() => server.processes().length === 2);
      for (const address of [`${host}:8081`, path, `${host}:8082`]) {
        assert.equal((await get(targetOf(address))).body, 'old');
      }
      signal(manager, 'SIGQUIT');
      await server.ended;
      assert.equal(statSync(path).ino, ino);
      assert.equal(await listens({ host, port: 8081 }), false);
    });
  }
});
