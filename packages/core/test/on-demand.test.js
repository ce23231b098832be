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
