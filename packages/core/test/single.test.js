// The one process of `single`, in this process: how it starts, which signals end it and how, and what it says of itself.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseListen } from '../dist/locations.js';
import { resolveOptions } from '../dist/options.js';
import { Single } from '../dist/single/single.js';
import { fakeLog } from './helpers/log.js';

const options = { timeout: 10_000 };

/** A server of this process, and what it tells. */
function create(t, own = {}, { listener = (_request, response) => response.end('ok'), drained = async () => {} } = {}) {
  const log = fakeLog();
  const dir = mkdtempSync(join(tmpdir(), 'prefork-test-'));
  const pidFile = join(dir, 'prefork.pid');
  const settings = { ...resolveOptions({ single: true, pidFile, ...own }), log };
  const told = [];
  const news = new EventEmitter();
  const tell =
    (what) =>
    (...args) => {
      told.push([what, ...args].join(' ').trim());
      news.emit(what, ...args);
    };
  const events = {
    server: (server) => news.emit('server', server),
    listening: tell('listening'),
    finish: tell('finish'),
    finished: tell('finished'),
    drained(patience) {
      told.push('drained');
      return drained(patience);
    },
  };
  const single = new Single(listener, settings, events);
  const finished = once(news, 'finished');
  const listen = (args = [0, '127.0.0.1']) => single.start(parseListen(args, settings).locations);
  t.after(async () => {
    single.signal('SIGINT');
    await finished;
    assert.deepEqual(readdirSync(dir), [], 'no file is left');
    rmSync(dir, { recursive: true, force: true });
  });
  return { single, pidFile, log, told, news, finished, listen, portOf: () => single.addresses[0].port };
}

/** A connection whose request is in flight. */
async function request(t, port) {
  const socket = net.connect(port, '127.0.0.1').on('error', () => {});
  t.after(() => socket.destroy());
  socket.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n');
  await once(socket, 'connect');
  return socket;
}

const get = (port) =>
  new Promise((resolve, reject) => {
    http
      .get({ port, host: '127.0.0.1', agent: false }, (response) => resolve(response.resume().statusCode))
      .on('error', reject);
  });

/** A listener that never answers, and a promise of its first request. */
function silence() {
  const arrival = new EventEmitter();
  return { listener: () => arrival.emit('request'), arrived: once(arrival, 'request') };
}

describe('the start', () => {
  it('binds, serves, and says so', options, async (t) => {
    const { single, log, told, news, listen, portOf } = create(t);
    assert.deepEqual([single.addresses, single.status(), single.summary().pool], [[], undefined, []]);
    const servers = [];
    news.on('server', (server) => servers.push(server));
    await listen();
    assert.equal(await get(portOf()), 200);
    assert.deepEqual(told, ['listening']);
    assert.equal(servers.length, 1);
    assert.deepEqual(log.lines.slice(-2), [
      `info: Listening at "http://127.0.0.1:${portOf()}"`,
      `info: Serving from this process alone, ${process.pid}`,
    ]);
    assert.deepEqual(single.summary(), {
      workers: 1,
      reloading: false,
      reloadError: undefined,
      pool: [{ state: 'healthy', heartbeatAge: 0 }],
    });
    const { pid, workers, pool, totals, locations } = single.status();
    assert.deepEqual([pid, workers, pool.length, pool[0].pid], [process.pid, 1, 1, process.pid]);
    assert.deepEqual([totals.connections, totals.requests], [1, 1]);
    assert.deepEqual(
      locations.map(({ url, waiting }) => [url, waiting]),
      [[`http://127.0.0.1:${portOf()}`, 0]],
    );
  });

  it('has a PID file, which is made again on demand', options, async (t) => {
    const { single, pidFile, listen } = create(t);
    single.ensurePidFile();
    assert.equal(existsSync(pidFile), false);
    await listen();
    single.ensurePidFile();
    assert.equal(readFileSync(pidFile, 'utf8').trim(), `${process.pid}`);
  });

  it('with `silent` names no location', options, async (t) => {
    const { log, listen } = create(t, { silent: true });
    await listen();
    assert.ok(!log.lines.some((line) => line.includes('Listening')));
  });

  it('that fails leaves nothing: the error, its fix, and no listener of `exit`', options, async (t) => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    t.after(() => other.close());
    const before = process.listenerCount('exit');
    const { single, log, told, finished, listen } = create(t);
    await listen([other.address().port, '127.0.0.1']);
    const [error] = await finished;
    assert.match(error.message, /EADDRINUSE/);
    assert.ok(log.lines[0].startsWith(`error: ${error.message}`) && log.lines[0].includes('; '), log.lines[0]);
    assert.equal(process.listenerCount('exit'), before);
    assert.equal(told.length, 1, 'it never listens');
    assert.equal(single.status(), undefined);
  });

  it('gives no worker another user', options, async (t) => {
    const { finished, listen } = create(t, { user: 'nobody' });
    await listen();
    assert.equal((await finished)[0].code, 'ERR_PREFORK_OWNER');
  });

  for (const [signal, graceful] of [
    ['SIGQUIT', true],
    ['SIGINT', false],
  ]) {
    it(`after ${signal} ends as soon as it has bound`, options, async (t) => {
      const { single, told, finished, listen } = create(t);
      const started = listen();
      single.signal(signal);
      await started;
      await finished;
      assert.equal(told.filter((what) => what === `finish ${graceful}`).length, 1);
      assert.equal(told.at(-1), 'finished');
    });
  }
});

describe('a stop', () => {
  it('by QUIT waits for the request in flight, then for the application, and tells each once', options, async (t) => {
    let answer;
    const arrival = new EventEmitter();
    const listener = (_request, response) => {
      answer = () => response.end('late');
      arrival.emit('request');
    };
    const { single, log, told, finished, listen, portOf } = create(t, {}, { listener });
    await listen();
    const before = process.listenerCount('exit');
    const port = portOf();
    const arrived = once(arrival, 'request');
    const socket = await request(t, port);
    await arrived;
    single.signal('SIGQUIT');
    single.signal('SIGQUIT');
    assert.equal(single.summary().pool[0].state, 'draining');
    assert.equal(single.status().phase, 'stopping');
    assert.deepEqual(told, ['listening', 'finish true']);
    await assert.rejects(get(port), { code: 'ECONNREFUSED' });
    answer();
    let text = '';
    for await (const data of socket) text += data;
    assert.match(text, /Connection: close(?:.|\s)*late/);
    await finished;
    assert.deepEqual(told, ['listening', 'finish true', 'drained', 'finished']);
    assert.equal(log.lines.at(-1), `info: Server ${process.pid} stopped`);
    assert.equal(process.listenerCount('exit'), before - 1);
    single.signal('SIGQUIT');
    single.signal('SIGINT');
    assert.equal(told.length, 4, 'nothing follows the end');
  });

  it('by INT cuts what is in flight, also after a graceful one', options, async (t) => {
    const { listener, arrived } = silence();
    const { single, told, finished, listen, portOf } = create(t, {}, { listener });
    await listen();
    const socket = await request(t, portOf());
    await arrived;
    const cut = once(socket, 'close');
    single.signal('SIGQUIT');
    single.signal('SIGINT');
    await Promise.all([cut, finished]);
    assert.deepEqual(
      told.filter((what) => what.startsWith('finish ')),
      ['finish true'],
    );
  });

  for (const [gracefulTerm, first] of [
    [true, 'finish true'],
    [false, 'finish false'],
  ]) {
    it(
      `by TERM with \`gracefulTerm: ${gracefulTerm}\` begins with ${first}, and a second one is immediate`,
      options,
      async (t) => {
        const { listener, arrived } = silence();
        const { single, told, finished, listen, portOf } = create(t, { gracefulTerm }, { listener });
        await listen();
        await request(t, portOf());
        await arrived;
        single.signal('SIGTERM');
        assert.equal(told.includes('finished'), !gracefulTerm);
        assert.equal(told[1], first);
        single.signal('SIGTERM');
        await finished;
      },
    );
  }

  it('that is graceful ends at `gracefulTimeout`', options, async (t) => {
    const { listener, arrived } = silence();
    const { single, told, finished, listen, portOf } = create(t, { gracefulTimeout: 200 }, { listener });
    await listen();
    const socket = await request(t, portOf());
    await arrived;
    const cut = once(socket, 'close');
    const begun = performance.now();
    single.signal('SIGQUIT');
    await Promise.all([cut, finished]);
    const took = performance.now() - begun;
    // the loop's clock may lag behind this one
    assert.ok(took >= 100 && took < 3_000, `${took} ms`);
    assert.equal(told.at(-1), 'finished');
  });

  it('with `shutdownDelay` is told at once, and it serves until then', options, async (t) => {
    const { single, told, finished, listen, portOf } = create(t, { shutdownDelay: 300 });
    await listen();
    const begun = performance.now();
    single.signal('SIGQUIT');
    assert.deepEqual(told, ['listening', 'finish true']);
    assert.equal(single.status().phase, 'stopping');
    assert.equal(await get(portOf()), 200);
    await finished;
    assert.ok(performance.now() - begun >= 200);
  });

  it('waits for what the application does with the drained connections', options, async (t) => {
    let release;
    const asked = [];
    const drained = (patience) => {
      asked.push(patience);
      return new Promise((resolve) => {
        release = resolve;
      });
    };
    const { single, told, finished, listen } = create(t, { gracefulTimeout: 5_000 }, { drained });
    await listen();
    single.signal('SIGQUIT');
    for (let i = 0; i < 100 && !release; i++) await new Promise(setImmediate);
    assert.ok(asked[0] > 0 && asked[0] <= 5_000, asked);
    assert.ok(!told.includes('finished'));
    release();
    await finished;
  });

  it('is what follows when the application closes the server', options, async (t) => {
    const { told, news, finished, listen } = create(t);
    let server;
    news.on('server', (own) => {
      server = own;
    });
    await listen();
    server.close();
    await finished;
    assert.deepEqual(told, ['listening', 'finish true', 'drained', 'finished']);
  });
});

it('what needs other processes is ignored, with a word', options, async (t) => {
  const { single, log, listen } = create(t);
  await listen();
  const before = log.lines.length;
  single.reload();
  single.workers = 3;
  for (const signal of ['SIGHUP', 'SIGUSR2', 'SIGTTIN', 'SIGTTOU']) single.signal(signal);
  const words = ['a reload', 'a resize', 'SIGHUP', 'SIGUSR2', 'SIGTTIN', 'SIGTTOU'];
  assert.deepEqual(
    log.lines.slice(before),
    words.map((what) => `warn: Ignoring ${what}: this process serves alone`),
  );
  assert.equal(single.workers, 1);
});
