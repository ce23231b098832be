// What the manager binds and gives back, on real sockets of this process: all or nothing, and no descriptor is left.

import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { locationKey } from '../dist/handover.js';
import { parseListen } from '../dist/locations.js';
import { bindAll } from '../dist/manager/listeners.js';
import { resolveOptions } from '../dist/options.js';
import { boundAddress, isListening, listenSocket } from '../dist/posix/sockets.js';
import { tempDir } from './helpers/files.js';

const options = { timeout: 10_000 };
const NONE = new Map();
const settings = resolveOptions();

const locationsOf = (...args) => parseListen(args, settings).locations;

const tcp = (own = {}) => ({ ...locationsOf(0, '127.0.0.1')[0], ...own });

const unix = (path, own = {}) => ({ ...locationsOf({ path })[0], ...own });

const NUMBERED = { numbered: true, reuse: true, sticky: true };

const placesOf = (...locations) => locations.map((location) => ({ location }));

const openCount = () => readdirSync('/proc/self/fd').length;

const isOpen = (fd) => existsSync(`/proc/self/fd/${fd}`);

/** @returns whether something listens there */
const answers = (to) =>
  new Promise((resolve) => {
    const socket = net.connect(to, () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });

describe('a TCP location', () => {
  it('is bound once, and its URL has the port that the kernel chose', options, async () => {
    const [socket] = await bindAll(placesOf(tcp()), 4, NONE);
    const { port } = boundAddress(socket.fds[0]);
    assert.ok(port > 0);
    const { url, address, seats, asked } = socket.location;
    assert.deepEqual(
      [url, address, seats, asked.port],
      [`http://127.0.0.1:${port}`, { address: '127.0.0.1', family: 'IPv4', port }, 1, 0],
    );
    assert.equal(await answers({ port, host: '127.0.0.1' }), true);
    socket.close(false);
    assert.equal(isOpen(socket.fds[0]), false);
    assert.equal(await answers({ port, host: '127.0.0.1' }), false);
  });

  it('of a name is bound at its address, and without a name at all of them', options, async () => {
    const [named, any] = await bindAll(placesOf(...locationsOf(0, 'localhost'), ...locationsOf(0)), 1, NONE);
    assert.match(named.location.address.address, /^(127\.0\.0\.1|::1)$/);
    assert.match(any.location.address.address, /^(::|0\.0\.0\.0)$/);
    for (const socket of [named, any]) socket.close(false);
  });

  it('of IPv6 keeps its family', options, async (t) => {
    let socket;
    try {
      [socket] = await bindAll(placesOf(tcp({ host: '::1', reuse: true })), 2, NONE);
    } catch {
      return t.diagnostic('this machine has no IPv6');
    }
    assert.deepEqual(
      socket.fds.map((fd) => boundAddress(fd)),
      [0, 1].map(() => ({ address: '::1', family: 'IPv6', port: socket.location.address.port })),
    );
    socket.close(false);
  });

  it('with `reuse` has a socket for each worker at one port', options, async () => {
    const [socket] = await bindAll(placesOf(tcp({ reuse: true })), 3, NONE);
    const ports = new Set(socket.fds.map((fd) => boundAddress(fd).port));
    assert.deepEqual([socket.fds.length, socket.location.seats, ports.size], [3, 3, 1]);
    socket.close(false);
    assert.deepEqual(socket.fds.map(isOpen), [false, false, false]);
  });

  it('that is closed for good gives up its port although a child process has the socket too', options, async () => {
    const [socket] = await bindAll(placesOf(tcp()), 1, NONE);
    const [place] = await bindAll(placesOf(tcp({ fd: socket.fds[0] })), 1, NONE);
    const { port } = socket.location.address;
    socket.close(false);
    assert.equal(isListening(place.fds[0]), false);
    assert.equal(await answers({ port, host: '127.0.0.1' }), false);
    place.close(false);
  });

  for (const [what, close, own] of [
    ['kept for the next manager', (socket) => socket.close(true), {}],
    ['somebody else has passed', (socket) => socket.close(false), { fd: 'given' }],
  ]) {
    it(`that is ${what} listens on`, options, async (t) => {
      const other = listenSocket({ address: '127.0.0.1', port: 0, family: 4 }, { backlog: 5 });
      t.after(() => closeSync(other));
      const location = tcp(own.fd ? { fd: other } : {});
      const [socket] = await bindAll(
        placesOf(location),
        1,
        own.fd ? NONE : new Map([[locationKey(location), [other]]]),
      );
      assert.notEqual(socket.fds[0], other, 'a copy');
      assert.equal(socket.location.address.port, boundAddress(other).port);
      close(socket);
      assert.deepEqual([isOpen(socket.fds[0]), isListening(other)], [false, true]);
    });
  }
});

describe('a UNIX location', () => {
  it('has a file, which a close removes and a hand-over keeps', options, async (t) => {
    for (const keep of [true, false]) {
      const path = join(tempDir(t), 'app.sock');
      const [socket] = await bindAll(placesOf(unix(path)), 1, NONE);
      assert.equal(socket.location.address, path);
      assert.equal(statSync(path).isSocket(), true);
      assert.equal(await answers({ path }), true);
      socket.close(keep);
      assert.deepEqual([existsSync(path), isOpen(socket.fds[0])], [keep, false]);
    }
  });

  it('leaves a file at its path that is another one, and misses none', options, async (t) => {
    const path = join(tempDir(t), 'app.sock');
    const [socket] = await bindAll(placesOf(unix(path)), 1, NONE);
    renameSync(path, `${path}.old`);
    writeFileSync(path, 'of another');
    socket.close(false);
    assert.equal(existsSync(path), true);
    const gone = join(tempDir(t), 'gone.sock');
    const [other] = await bindAll(placesOf(unix(gone)), 1, NONE);
    rmSync(gone);
    other.close(false);
    assert.equal(isOpen(other.fds[0]), false);
  });

  it('of an abstract name has no file', options, async () => {
    const name = `prefork-test-${process.pid}`;
    const isBound = () => readFileSync('/proc/net/unix', 'latin1').includes(`@${name}`);
    const [socket] = await bindAll(placesOf(unix(`\0${name}`)), 1, NONE);
    assert.equal(isBound(), true);
    socket.close(false);
    assert.equal(isBound(), false);
  });

  it('with a number has a file and a socket for each worker', options, async (t) => {
    const dir = tempDir(t);
    const [socket] = await bindAll(placesOf(unix(join(dir, 'app-{n}.sock'), NUMBERED)), 3, NONE);
    assert.deepEqual([readdirSync(dir).sort(), socket.location.seats], [['app-0.sock', 'app-1.sock', 'app-2.sock'], 3]);
    socket.close(false);
    assert.deepEqual(readdirSync(dir), []);
  });
});

describe('what cannot be bound', () => {
  it('takes back what was bound before it', options, async (t) => {
    const path = join(tempDir(t), 'app.sock');
    const before = openCount();
    const other = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.on('listening', resolve));
    t.after(() => other.close());
    const taken = tcp({ port: other.address().port });
    await assert.rejects(bindAll(placesOf(unix(path), tcp({ reuse: true }), taken), 3, NONE), { code: 'EADDRINUSE' });
    assert.equal(existsSync(path), false);
    assert.equal(openCount() - before, 1, 'that of the other server');
  });

  it('of several sockets leaves none', options, async (t) => {
    const dir = tempDir(t);
    mkdirSync(join(dir, 'app-2.sock'));
    const before = openCount();
    await assert.rejects(bindAll(placesOf(unix(join(dir, 'app-{n}.sock'), NUMBERED)), 3, NONE));
    assert.deepEqual([openCount(), readdirSync(dir)], [before, ['app-2.sock']]);
  });

  it('is a descriptor that does not listen, and the error names it', options, async () => {
    await assert.rejects(bindAll(placesOf(tcp({ fd: 0 })), 1, NONE), {
      name: 'RangeError',
      message: 'Expected descriptor `0` to be a listening socket, it is not',
    });
  });

  it('because a certificate is missing, binds nothing', options, async (t) => {
    const path = join(tempDir(t), 'app.sock');
    const tls = { cert: [join(path, 'cert')], key: [join(path, 'key')], ca: [], sni: [] };
    const before = openCount();
    await assert.rejects(bindAll(placesOf(unix(path), tcp({ tls })), 1, NONE));
    assert.deepEqual([existsSync(path), openCount()], [false, before]);
  });
});

it('a socket of systemd is copied, tells where it is, and a close leaves it alone', options, async (t) => {
  const fd = listenSocket({ address: '127.0.0.1', port: 0, family: 4 }, { backlog: 5 });
  t.after(() => closeSync(fd));
  const activated = { fd, number: 3, name: 'web' };
  const [socket] = await bindAll([{ location: tcp({ fd: 'web' }), activated }], 1, NONE);
  const { port } = boundAddress(fd);
  assert.deepEqual([socket.activated, socket.location.url], [activated, `http://127.0.0.1:${port}`]);
  assert.deepEqual([socket.location.port, socket.location.seats], [port, 1]);
  socket.close(false);
  assert.deepEqual([isOpen(socket.fds[0]), isListening(fd)], [false, true]);
});
