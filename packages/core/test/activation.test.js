// Which location takes which of the sockets that systemd has bound.

import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { parseListen } from '../dist/locations.js';
import { assign } from '../dist/manager/activation.js';
import { resolveOptions } from '../dist/options.js';
import { boundAddress, listenSocket } from '../dist/posix/sockets.js';

const dir = mkdtempSync(join(tmpdir(), 'prefork-test-'));
const open = [];
after(() => {
  for (const fd of open) closeSync(fd);
  rmSync(dir, { recursive: true });
});

function bind(to, name, number) {
  const fd = listenSocket(to, { backlog: 1, ipv6Only: false, reusePort: false });
  open.push(fd);
  return { fd, number, name };
}

const local = bind({ address: '127.0.0.1', port: 0, family: 4 }, 'web', 3);
const every = bind({ address: '::', port: 0, family: 6 }, 'web', 4);
const every4 = bind({ address: '0.0.0.0', port: 0, family: 4 }, 'admin', 5);
const unix = bind({ path: join(dir, 'app.sock') }, 'unix', 6);
const SOCKETS = { local, every, every4, unix };
const port = (socket) => boundAddress(socket.fd).port;
const TLS = 'cert=a.pem&key=b.pem';
const UNIX = `http+unix://${encodeURIComponent(join(dir, 'app.sock'))}`;

/** `location -> socket`, as the test's table says it. */
async function assigned(listen, sockets) {
  const { locations } = parseListen([listen], resolveOptions());
  const places = await assign(locations, sockets, 511);
  return places.map(({ location, activated }) => {
    const at = locations.indexOf(location);
    const name = Object.keys(SOCKETS).find((key) => SOCKETS[key] === activated) ?? 'bind';
    return `${at === -1 ? location.protocol : at} ${name}`;
  });
}

const CASES = {
  'no socket: all bind': [['http://*:1', 'http://*:2'], [], ['0 bind', '1 bind']],
  'the address': [[`http://127.0.0.1:${port(local)}`], [local], ['0 local']],
  'a name of the address': [[`http://localhost:${port(local)}`], [local], ['0 local']],
  'every address, for *': [
    [`http://*:${port(every)}`, 'http://*:1'],
    [local, every],
    ['0 every', '1 local'],
  ],
  'every IPv4 address, for *': [
    [`http://*:${port(every4)}`, 'http://*:1'],
    [local, every4],
    ['0 every4', '1 local'],
  ],
  'every address, for 0.0.0.0': [
    [`http://0.0.0.0:${port(every)}`, 'http://*:1'],
    [local, every],
    ['0 every', '1 local'],
  ],
  'the path': [
    ['http://*:1', UNIX],
    [unix, local],
    ['0 local', '1 unix'],
  ],
  'in order, where nothing matches': [
    ['http://*:1', UNIX],
    [every, local],
    ['0 every', '1 local'],
  ],
  'the rest, for the last one that got none': [
    ['http://*:1', `https://*:2?${TLS}`],
    [local, every, every4],
    ['0 local', '1 every', '1 every4'],
  ],
  'nothing, where there are not enough': [['http://*:1', 'http://*:2'], [local], ['0 local', '1 bind']],
  'all of its name': [[`https://*:1?fd=web&${TLS}`], [local, every4, every], ['0 local', '0 every', 'http every4']],
  'its number': [
    ['http://*:1', 'http://*:2?fd=3'],
    [local, every],
    ['0 every', '1 local'],
  ],
  'a number that systemd did not pass': [['http://*:2?fd=9'], [local], ['0 bind', 'http local']],
};

for (const [what, [listen, sockets, expected]] of Object.entries(CASES)) {
  it(`a location takes ${what}`, async () => {
    assert.deepEqual(await assigned(listen, sockets), expected);
  });
}

it('a socket that no location takes is served as plain http at its own address', async () => {
  const { locations } = parseListen([`http://127.0.0.1:${port(local)}`], resolveOptions());
  const places = await assign(locations, [local, unix, every], 64);
  assert.deepEqual(
    places.map(({ location }) => location.url),
    [`http://127.0.0.1:${port(local)}`, UNIX, `http://*:${port(every)}`],
  );
  assert.equal(places[1].location.backlog, 64);
});

it('a name that no socket has is an error that names those there are', async () => {
  const { locations } = parseListen(['http://*:1?fd=wbe'], resolveOptions());
  await assert.rejects(assign(locations, [local, every4], 511), {
    code: 'ERR_PREFORK_ACTIVATION',
    message: /no socket "wbe", but "web", "admin": set FileDescriptorName=wbe/,
  });
  await assert.rejects(assign(locations, [], 511), { message: /passed no socket "wbe": set/ });
});

it('two locations cannot take the sockets of one name', async () => {
  const { locations } = parseListen([['http://*:1?fd=web', 'http://*:2?fd=web']], resolveOptions());
  await assert.rejects(assign(locations, [local, every], 511), { code: 'ERR_PREFORK_ACTIVATION' });
});
