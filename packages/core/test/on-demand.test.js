import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { OnDemand } from '../dist/manager/on-demand.js';
import { duplicate } from '../dist/posix/sockets.js';

const dir = mkdtempSync(join(tmpdir(), 'prefork-unit-'));
after(() => rmSync(dir, { recursive: true }));

const log = { info() {}, warn() {}, error() {} };
const TCP = { scheme: 'http', host: '127.0.0.1', port: 0, backlog: 5, ipv6Only: false };

/** A manager's side, and what a worker gets for a text that it sends. */
function create(t, parts = {}) {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const onDemand = new OnDemand({ log, silent: true, activated: [], isOthers: false, changed() {}, ...parts }, []);
  t.after(() => onDemand.close(false));
  const start = (generation = 0) => {
    const worker = { pid: 1, slot: 0, generation, state: 'healthy', spawnedAt: 0, healthyAt: now, heartbeatAt: 0 };
    const channel = onDemand.open();
    const socket = new net.Socket({ fd: duplicate(channel.fd), readable: true, writable: true });
    channel.given(worker);
    const end = () => {
      onDemand.reaped(worker);
      socket.destroy();
    };
    t.after(end);
    const send = async (text) => {
      socket.write(`${typeof text === 'string' ? text : JSON.stringify(text)}\n`);
      return JSON.parse(String((await once(socket, 'data'))[0]));
    };
    return { worker, socket, send, end };
  };
  const wait = (milliseconds) => {
    now += milliseconds;
  };
  return { onDemand, start, wait };
}

const target = (generation) => ({ goal: 'run', workers: 1, generation, proven: true });

describe('what a worker asks for', () => {
  it('is bound once, and found by the next worker that asks for the same', async (t) => {
    const { onDemand, start } = create(t);
    const [first, second] = [start(), start()];
    const { location } = await first.send(TCP);
    assert.ok(location.address.port > 0);
    assert.deepEqual(await second.send(TCP), { location });
    assert.equal(onDemand.sockets.length, 1);
    const other = await second.send({ ...TCP, nth: 1 });
    assert.notEqual(other.location.address.port, location.address.port);
  });

  it('is refused when it is nonsense, and the channel is closed when it never ends', async (t) => {
    const { onDemand, start } = create(t);
    const worker = start();
    const bad = ['nonsense', '[]', 'null', { ...TCP, port: 70_000 }, { ...TCP, port: '80x' }, { ...TCP, host: 5 }];
    bad.push({ ...TCP, path: 5 }, { ...TCP, path: 'x'.repeat(200) }, { ...TCP, fd: 'web' }, { ...TCP, fd: 100_000 });
    for (const text of bad) {
      const { refusal } = await worker.send(text);
      assert.equal(typeof refusal?.message, 'string', JSON.stringify(text));
    }
    assert.equal(onDemand.sockets.length, 0);
    worker.socket.on('error', () => {});
    worker.socket.write('x'.repeat(100_000));
    worker.socket.resume();
    await once(worker.socket, 'close');
  });

  it('is not what only root may bind, of another user, some time after the first worker serves', async (t) => {
    const { onDemand, start, wait } = create(t, { isOthers: true });
    const worker = start();
    const path = join(dir, 'late.sock');
    onDemand.served();
    assert.ok((await worker.send({ ...TCP, path: join(dir, 'early.sock') })).location);
    wait(10_001);
    for (const wanted of [{ path }, { port: 1 }, { fd: 3 }]) {
      const { refusal } = await worker.send({ ...TCP, ...wanted });
      assert.equal(refusal.code, 'EACCES');
      assert.match(refusal.message, /restart the server, or name it with --listen$/);
    }
    assert.ok(!existsSync(path));
    assert.ok((await worker.send(TCP)).location);
  });
});

describe('a socket that nobody wants any more', () => {
  it('is closed once the workers of the new generation have served for a second, and the old one has gone', async (t) => {
    const { onDemand, start, wait } = create(t);
    const old = start(0);
    await old.send({ ...TCP, path: join(dir, 'old.sock') });
    const { worker } = start(1);
    const sweep = () => onDemand.sweep([worker], target(1), performance.now());
    wait(2000);
    sweep();
    assert.equal(onDemand.sockets.length, 1, 'the old worker lives');
    old.end();
    worker.healthyAt = performance.now();
    sweep();
    assert.equal(onDemand.sockets.length, 1, 'the new one may ask still');
    wait(1000);
    sweep();
    assert.equal(onDemand.sockets.length, 0);
    assert.ok(!existsSync(join(dir, 'old.sock')));
  });

  it('stays while there is no worker that could have asked, and for one that has died', async (t) => {
    const { onDemand, start, wait } = create(t);
    const dead = start(0);
    await dead.send(TCP);
    dead.end();
    wait(5000);
    onDemand.sweep([], target(1), performance.now());
    const { worker } = start(0);
    wait(5000);
    onDemand.sweep([worker], target(0), performance.now());
    assert.equal(onDemand.sockets.length, 1);
  });

  it('is closed when the workers say so', async (t) => {
    const { onDemand, start, wait } = create(t);
    const { worker, socket, send } = start(0);
    await send(TCP);
    await send({ ...TCP, nth: 1 });
    socket.write(`${JSON.stringify({ ...TCP, isReleased: true })}\n`);
    await send({ ...TCP, nth: 1 });
    wait(2000);
    onDemand.sweep([worker], target(0), performance.now());
    assert.equal(onDemand.sockets.length, 1);
  });
});

describe('the manager', () => {
  it('is told when the list changes, and names what it opens and closes', async (t) => {
    const lines = [];
    let changes = 0;
    const parts = { silent: false, log: { info: (line) => lines.push(line) }, changed: () => (changes += 1) };
    const { onDemand, start, wait } = create(t, parts);
    const old = start(0);
    const { location } = await old.send(TCP);
    assert.deepEqual([changes, lines], [1, [`Listening at "${location.url}"`]]);
    old.end();
    const { worker } = start(1);
    wait(1_000);
    onDemand.sweep([worker], target(1), performance.now());
    assert.equal(changes, 2);
    assert.equal(lines[1], `Closing "${location.url}", no worker listens there any more`);
    onDemand.sweep([worker], target(1), performance.now());
    assert.equal(changes, 2, 'nothing was closed');
  });

  it('closes nothing before all workers of the new generation serve, for a second each', async (t) => {
    const { onDemand, start, wait } = create(t);
    const old = start(0);
    await old.send(TCP);
    old.end();
    const [one, two] = [start(1).worker, start(1).worker];
    const both = { ...target(1), workers: 2 };
    wait(1_000);
    const sweep = (workers, own = both) => onDemand.sweep(workers, own, performance.now());
    sweep([one]);
    sweep([one, { ...two, state: 'starting' }]);
    sweep([one, { ...two, generation: 0 }]);
    sweep([one, { ...two, healthyAt: performance.now() }]);
    sweep([one, { ...two, healthyAt: undefined }]);
    sweep([], { ...both, workers: 0 });
    assert.equal(onDemand.sockets.length, 1);
    sweep([one, two]);
    assert.equal(onDemand.sockets.length, 0);
  });

  it('keeps what a worker of an older generation has asked for once the newest has, too', async (t) => {
    const { onDemand, start, wait } = create(t);
    const [newest, oldest] = [start(1), start(0)];
    await newest.send(TCP);
    await oldest.send(TCP);
    newest.end();
    oldest.end();
    wait(1_000);
    onDemand.sweep([start(1).worker], target(1), performance.now());
    wait(1_000);
    assert.equal(onDemand.sockets.length, 1);
  });

  it('gives a file that listens again the socket of its port', async (t) => {
    const { onDemand, start } = create(t);
    const worker = start();
    const { location } = await worker.send(TCP);
    const again = await worker.send({ ...TCP, port: location.address.port });
    assert.equal(again.location.address.port, location.address.port);
    assert.equal(onDemand.sockets.length, 1);
  });

  it('gives a socket of systemd by its descriptor', async (t) => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    t.after(() => other.close());
    const location = { url: 'http://127.0.0.1:1', seats: 1 };
    const given = { fds: [other._handle.fd], location, activated: { number: 3, name: 'web' } };
    const { onDemand, start } = create(t, { activated: [given] });
    assert.deepEqual((await start().send({ ...TCP, fd: 3 })).location, location);
    assert.equal(onDemand.sockets.length, 0, 'it is not ours');
    assert.ok((await start().send({ ...TCP, fd: 4_000 })).refusal);
  });

  it('gives another user what needs no rights: an abstract name, and a port from 1024 on', async (t) => {
    const { onDemand, start, wait } = create(t, { isOthers: true });
    const worker = start();
    onDemand.served();
    wait(20_000);
    const path = `\0prefork-on-demand-${process.pid}`;
    assert.ok((await worker.send({ ...TCP, path })).location);
    const { refusal } = await worker.send({ ...TCP, port: 1024 });
    assert.notEqual(refusal?.code, 'EACCES');
    const below = await worker.send({ ...TCP, port: 1023 });
    assert.equal(below.refusal.code, 'EACCES');
  });

  it('gives its own user what it may bind, however late', async (t) => {
    const { onDemand, start, wait } = create(t);
    onDemand.served();
    wait(20_000);
    assert.ok((await start().send({ ...TCP, path: join(dir, 'own.sock') })).location);
  });

  it('binds 256 addresses at the most', async (t) => {
    const { start } = create(t);
    const worker = start();
    for (let nth = 0; nth < 256; nth++) assert.ok((await worker.send({ ...TCP, nth })).location, `${nth}`);
    assert.match((await worker.send({ ...TCP, nth: 256 })).refusal.message, /at 256 addresses at the most/);
  });

  it('binds nothing more when it is closed', async (t) => {
    const { onDemand, start } = create(t);
    const worker = start();
    await worker.send(TCP);
    onDemand.close(false);
    assert.equal(onDemand.sockets.length, 0);
    assert.equal((await worker.send(TCP)).refusal.message, 'The server stops');
  });
});
