// The life of a server, with a pool and premises that are none: what each signal, beat and death leads to, and in which order.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Phase } from '../dist/bulletin.js';
import { lockFilePath } from '../dist/manager/lock-file.js';
import { Manager } from '../dist/manager/manager.js';
import { resolveOptions } from '../dist/options.js';
import { SCOREBOARD_BYTES, Scoreboard } from '../dist/scoreboard.js';
import { Stats } from '../dist/stats.js';
import { STATS_BYTES } from '../dist/stats-layout.js';
import { tempDir } from './helpers/files.js';
import { fakeLog } from './helpers/log.js';
import { fakeTime } from './helpers/time.js';

const BOUND = { url: 'http://127.0.0.1:8080', address: { address: '127.0.0.1', port: 8080, family: 'IPv4' } };

/** A pool in which workers come up and go as the test says. */
class FakePool {
  workers = [];
  slots = 0;
  orders = [];
  #events;
  #time;

  constructor(events, time) {
    this.#events = events;
    this.#time = time;
  }

  spawn(id, generation) {
    this.slots += 1;
    const now = this.#time.now;
    const worker = { pid: 100 + this.slots, slot: this.slots - 1, id, generation, state: 'starting' };
    this.workers.push(Object.assign(worker, { spawnedAt: now, heartbeatAt: now }));
    this.#events.spawned(worker);
  }

  quit(worker, order) {
    worker.state = 'draining';
    worker.drainingSince = this.#time.now;
    this.orders.push(`quit ${worker.pid} ${order}`);
  }

  kill(worker) {
    worker.state = 'killed';
    this.orders.push(`kill ${worker.pid}`);
  }

  grant(worker) {
    worker.isAsking = false;
    this.orders.push(`grant ${worker.pid}`);
  }

  wakeWaiter() {}
  wakeAll() {}
  wakeEveryone() {}

  // what the workers do

  beat(worker) {
    const isFirst = worker.state === 'starting';
    worker.heartbeatAt = this.#time.now;
    if (isFirst) Object.assign(worker, { state: 'healthy', healthyAt: this.#time.now });
    this.#events.beaten(worker, isFirst);
  }

  exit(worker, end = 'exit status 0') {
    this.#events.reaped(worker, end);
    this.workers = this.workers.filter((other) => other !== worker);
  }

  refuse(message) {
    this.#events.notSpawned(new Error(message));
  }
}

async function create(t, { options = {}, inheritance, fails, isHealthy = true, prepare = () => {} } = {}) {
  const log = fakeLog();
  const settings = { ...resolveOptions({ workers: 2, ...options }), log };
  const board = new Scoreboard(new Uint32Array(SCOREBOARD_BYTES / 4));
  const page = new Stats(new Float64Array(STATS_BYTES / 8), 0);
  page.open(0);
  const calls = [];
  const events = [];
  const names = ['spawn', 'healthy', 'reap', 'finish', 'reload', 'upgraded', 'tookOver', 'listening', 'finished'];
  const tell = (name) => [
    name,
    (...args) => void events.push([name, ...args.filter((arg) => arg !== undefined)].join(' ')),
  ];
  const premises = {
    sockets: [],
    board,
    stats: { page },
    pidFile: {
      inode: 7,
      keep: () => calls.push('keep PID file'),
      rewrite: () => calls.push('rewrite PID file'),
      adopt: () => calls.push('adopt PID file'),
      ensure: () => calls.push('ensure PID file'),
    },
    lockFile: { ensure: () => calls.push('ensure lock file') },
    renewSecrets: () => calls.push('renew secrets'),
    setWelcome: (isWelcome) => calls.push(isWelcome ? 'open' : 'close to newcomers'),
    closeSockets: (toOther) => calls.push(`close sockets${toOther ? ', another has them' : ''}`),
    close: (toOther) => calls.push(`tidy up${toOther ? ', another has it' : ''}`),
  };
  prepare(premises, calls);
  let pool;
  let upgradeEvents;
  const upgrade = {
    news: { upgrades: 0, upgradesFailed: 0 },
    isRunning: false,
    hasSucceeded: false,
    begin() {
      calls.push('upgrade');
      this.isRunning = true;
    },
    cancel: (graceful) => calls.push(`cancel upgrade ${graceful ? 'gracefully' : 'at once'}`),
  };
  const time = fakeTime(t);
  const parts = {
    takeInheritance: () => inheritance,
    async openPremises() {
      if (fails) throw fails;
      calls.push('open premises');
      return premises;
    },
    createPool(_settings, _run, _premises, poolEvents) {
      pool = new FakePool(poolEvents, time);
      return pool;
    },
    createUpgrade(_run, _settings, own) {
      upgradeEvents = own;
      return upgrade;
    },
  };
  const manager = new Manager(
    settings,
    1,
    { wait() {}, heartbeat() {}, ...Object.fromEntries(names.map(tell)) },
    false,
    parts,
  );
  t.after(() => manager.stop(false));
  await manager.start([{ ...BOUND }]);
  time.pass();
  if (pool && isHealthy) for (const worker of [...pool.workers]) pool.beat(worker);
  if (pool && isHealthy) time.pass();
  if (pool && isHealthy) for (const worker of pool.workers) if (worker.state === 'starting') pool.beat(worker);
  if (pool && isHealthy) time.pass();
  /** Calls of the premises and events since then. */
  const since = () => [...calls.splice(0), ...events.splice(0)];
  const phase = () => board.bulletin.read().phase;
  return { time, log, board, page, calls, events, pool, upgrade, upgradeEvents, manager, premises, since, phase };
}

describe('a start', () => {
  it('boots one worker, and all others once that one serves', async (t) => {
    const { pool, events, time, phase, manager } = await create(t, { options: { workers: 3 }, isHealthy: false });
    const [first] = pool.workers;
    assert.equal(phase(), Phase.starting);
    assert.equal(pool.workers.length >= 1, true);
    pool.beat(first);
    assert.equal(pool.workers.length, 3, 'in this call, before anybody is told');
    assert.ok(events.indexOf('healthy 101') > events.indexOf('spawn 103'));
    assert.ok(events.indexOf('listening') > events.indexOf('healthy 101'));
    time.pass();
    assert.equal(phase(), Phase.serving);
    assert.equal(manager.status().workers, 3);
  });

  it('tells that it listens once', async (t) => {
    const { events } = await create(t);
    assert.equal(events.filter((event) => event === 'listening').length, 1);
  });

  it('without workers it listens at once', async (t) => {
    const { events, pool } = await create(t, { options: { workers: 0 } });
    assert.deepEqual([events, pool.workers], [['listening'], []]);
  });

  it('that fails is told, and nothing is left', async (t) => {
    const { log, events, calls, time } = await create(t, { fails: new Error('listen EADDRINUSE') });
    assert.equal(log.lines[0], 'error: listen EADDRINUSE');
    assert.deepEqual(events, ['finished Error: listen EADDRINUSE']);
    assert.deepEqual([calls, time.left], [[], 0]);
  });

  it('whose first worker dies ends with the reason', async (t) => {
    const { pool, events, time, log } = await create(t, { isHealthy: false });
    for (const worker of [...pool.workers]) pool.exit(worker, 'exit status 1');
    time.pass();
    assert.match(log.lines.join('\n'), /error: Worker 101 stopped too early, shutting down/);
    assert.match(events.at(-1), /^finished .*Worker 101 stopped before its first heartbeat/);
  });

  it('whose first process the system refuses ends with the reason', async (t) => {
    const { pool, events, time } = await create(t, { isHealthy: false });
    pool.refuse('spawn EAGAIN');
    for (const worker of [...pool.workers]) pool.exit(worker);
    time.pass();
    assert.match(events.at(-1), /^finished Error: spawn EAGAIN/);
  });
});

describe('a graceful stop', () => {
  for (const [title, act] of [
    ['QUIT', (manager) => manager.signal('SIGQUIT')],
    ['stop(true)', (manager) => manager.stop(true)],
  ]) {
    it(`${title}: newcomers are refused, the workers drain, the sockets close, all is tidied, in this order`, async (t) => {
      const { manager, pool, time, since, phase, board, log } = await create(t);
      since();
      act(manager);
      assert.deepEqual(since(), ['cancel upgrade gracefully', 'close to newcomers', 'finish true']);
      assert.deepEqual([phase(), board.isStopping], [Phase.stopping, true]);
      time.pass();
      assert.deepEqual(pool.orders, ['quit 101 stopped', 'quit 102 stopped']);
      assert.deepEqual(since(), [], 'the sockets are open while workers accept');
      for (const worker of pool.workers) {
        worker.hasLeft = true;
        pool.beat(worker);
      }
      time.pass();
      assert.deepEqual(since(), ['close sockets']);
      for (const worker of [...pool.workers]) pool.exit(worker);
      time.pass();
      assert.deepEqual(since().slice(-4), ['tidy up', 'reap 101', 'reap 102', 'finished']);
      assert.equal(log.lines.at(-1), `info: Manager ${process.pid} stopped`);
      assert.equal(time.left, 0);
    });
  }

  it('kills a worker that has not left within gracefulTimeout', async (t) => {
    const { manager, pool, time } = await create(t, { options: { gracefulTimeout: 3_000 } });
    manager.stop(true);
    time.pass(2_999);
    assert.equal(
      pool.orders.some((order) => order.startsWith('kill')),
      false,
    );
    time.pass(1);
    assert.deepEqual(pool.orders.slice(2), ['kill 101', 'kill 102']);
  });

  it('replaces no worker', async (t) => {
    const { manager, pool, time } = await create(t);
    manager.stop(true);
    time.pass();
    pool.exit(pool.workers[0]);
    time.pass(2_000);
    assert.equal(pool.slots, 2);
  });
});

describe('a stop at once', () => {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    it(`${signal}: the workers are killed, and then the server has finished`, async (t) => {
      const { manager, pool, time, since } = await create(t);
      since();
      manager.signal(signal);
      time.pass();
      assert.deepEqual(pool.orders, ['kill 101', 'kill 102']);
      assert.deepEqual(since(), ['cancel upgrade at once', 'close to newcomers', 'close sockets', 'finish false']);
      for (const worker of [...pool.workers]) pool.exit(worker, 'SIGKILL');
      time.pass();
      assert.equal(since().at(-1), 'finished');
    });
  }

  it('after it has finished does nothing', async (t) => {
    const { manager, pool, time, since } = await create(t);
    manager.stop(false);
    for (const worker of [...pool.workers]) pool.exit(worker, 'SIGKILL');
    time.pass();
    since();
    manager.stop(false);
    manager.stop(true);
    time.pass(5_000);
    assert.deepEqual(since(), []);
  });
});

describe('TERM with gracefulTerm', () => {
  const options = { gracefulTerm: true };

  it('drains, and the second one does not', async (t) => {
    const { manager, pool, time } = await create(t, { options });
    manager.signal('SIGTERM');
    time.pass();
    assert.deepEqual(pool.orders, ['quit 101 stopped', 'quit 102 stopped']);
    manager.signal('SIGTERM');
    time.pass();
    assert.deepEqual(pool.orders.slice(2), ['kill 101', 'kill 102']);
  });

  it('the second one ends a shutdownDelay as well', async (t) => {
    const { manager, pool, time } = await create(t, { options: { ...options, shutdownDelay: 5_000 } });
    manager.signal('SIGTERM');
    time.pass(1_000);
    assert.deepEqual(pool.orders, []);
    manager.signal('SIGTERM');
    time.pass();
    assert.deepEqual(pool.orders, ['kill 101', 'kill 102']);
  });
});

it('with shutdownDelay the pool serves on, and tells at once that it stops', async (t) => {
  const { manager, pool, time, phase, events, calls } = await create(t, { options: { shutdownDelay: 2_000 } });
  events.length = 0;
  calls.length = 0;
  manager.stop(true);
  assert.equal(phase(), Phase.stopping);
  assert.deepEqual([events, calls], [['finish true'], ['cancel upgrade gracefully']]);
  pool.exit(pool.workers[0]);
  time.pass(1_000);
  assert.equal(pool.workers.length, 2, 'a worker that dies is replaced');
  time.pass(1_000);
  assert.equal(pool.orders.length, 2);
});

describe('TTIN and TTOU', () => {
  it('make the pool bigger and smaller by one', async (t) => {
    const { manager, pool, time, log } = await create(t);
    manager.signal('SIGTTIN');
    time.pass();
    assert.equal(pool.workers.length, 3);
    pool.beat(pool.workers[2]);
    manager.signal('SIGTTOU');
    manager.signal('SIGTTOU');
    time.pass();
    assert.deepEqual(pool.orders, ['quit 103 resized', 'quit 102 resized']);
    assert.equal(log.lines.filter((line) => line.startsWith('info: Resizing the pool to')).length, 3);
  });

  it('stop at 0, and at the most that there may be', async (t) => {
    const { manager } = await create(t, { options: { workers: 1024 } });
    manager.signal('SIGTTIN');
    assert.equal(manager.workers, 1024);
    manager.workers = 0;
    manager.signal('SIGTTOU');
    assert.equal(manager.workers, 0);
  });
});

describe('HUP', () => {
  it('brings new workers up, and drains the old ones when they serve', async (t) => {
    const { manager, pool, time, events, page, calls } = await create(t);
    manager.signal('SIGHUP');
    time.pass();
    assert.ok(calls.includes('renew secrets'));
    const fresh = () => pool.workers.filter(({ generation, state }) => generation === 1 && state === 'starting');
    for (let worker = fresh()[0]; worker; worker = fresh()[0]) {
      pool.beat(worker);
      time.pass();
    }
    assert.deepEqual([...pool.orders].sort(), ['quit 101 reloaded', 'quit 102 reloaded']);
    time.pass(1_000);
    assert.equal(events.filter((event) => event === 'reload').length, 1);
    assert.equal(page.totals().events.reloads, 1);
  });

  it('before the first worker serves means nothing', async (t) => {
    const { manager, pool, time } = await create(t, { isHealthy: false });
    manager.signal('SIGHUP');
    time.pass();
    assert.ok(pool.workers.every(({ generation }) => generation === 0));
  });

  it('in a stop means nothing', async (t) => {
    const { manager, calls, time } = await create(t);
    manager.stop(true);
    calls.length = 0;
    manager.signal('SIGHUP');
    time.pass();
    assert.deepEqual(calls.includes('renew secrets'), false);
  });

  it('whose first worker dies early has failed, and the old ones stay', async (t) => {
    const { manager, pool, time, events, page } = await create(t);
    manager.signal('SIGHUP');
    time.pass();
    pool.exit(
      pool.workers.find(({ generation }) => generation === 1),
      'exit status 1',
    );
    time.pass();
    assert.match(
      events.find((event) => event.startsWith('reload')),
      /worker \d+ stopped too early/,
    );
    assert.equal(page.totals().events.reloadsFailed, 1);
    assert.deepEqual(
      pool.workers.filter(({ state }) => state === 'healthy').map(({ pid }) => pid),
      [101, 102],
    );
    assert.match(manager.summary().reloadError, /stopped too early/);
    assert.match(manager.status().reloadError, /stopped too early/);
  });
});

describe('a hung worker', () => {
  it('is told to leave, replaced, and killed when it does not', async (t) => {
    const options = { heartbeatInterval: 1_000, heartbeatTimeout: 2_000, gracefulTimeout: 4_000 };
    const { pool, time, log } = await create(t, { options });
    const [hung, other] = pool.workers;
    for (let i = 0; i < 3; i++) {
      time.pass(1_000);
      pool.beat(other);
    }
    time.pass();
    assert.deepEqual(pool.orders, [`quit ${hung.pid} hung`]);
    assert.ok(log.lines.includes(`error: Worker ${hung.pid} has no heartbeat (2 s), restarting`));
    assert.equal(pool.workers.length, 3);
    const fresh = pool.workers[2];
    for (let i = 0; i < 4; i++) {
      pool.beat(other);
      pool.beat(fresh);
      time.pass(1_000);
    }
    assert.deepEqual(pool.orders.slice(1), [`kill ${hung.pid}`]);
  });

  it('is spared after the manager itself was stopped', async (t) => {
    const options = { heartbeatInterval: 1_000, heartbeatTimeout: 2_000 };
    const { pool, time } = await create(t, { options });
    time.suspend(60_000);
    time.pass(1);
    for (const worker of pool.workers) pool.beat(worker);
    time.pass(1_500);
    assert.deepEqual(pool.orders, []);
  });
});

describe('an upgrade', () => {
  it('USR2 begins it, once a worker serves', async (t) => {
    const { manager, calls } = await create(t);
    manager.signal('SIGUSR2');
    assert.ok(calls.includes('upgrade'));
  });

  it('USR2 before the first worker serves, or in a stop, means nothing', async (t) => {
    const { manager, calls, pool, time } = await create(t, { isHealthy: false });
    manager.signal('SIGUSR2');
    pool.beat(pool.workers[0]);
    time.pass();
    manager.stop(true);
    manager.signal('SIGUSR2');
    assert.equal(calls.includes('upgrade'), false);
  });

  it('that succeeds drains this pool, and leaves all paths to the next manager', async (t) => {
    const { manager, pool, upgrade, upgradeEvents, time, since, phase, board, page } = await create(t);
    manager.signal('SIGUSR2');
    upgrade.isRunning = false;
    upgrade.hasSucceeded = true;
    since();
    upgradeEvents.succeeded(4242);
    assert.deepEqual(since(), ['upgraded 4242', 'finish true']);
    time.pass();
    assert.deepEqual([phase(), board.isStopping], [Phase.handedOver, false]);
    assert.deepEqual(pool.orders, ['quit 101 stopped', 'quit 102 stopped']);
    assert.equal(page.totals().events.upgrades, 1);
    for (const worker of [...pool.workers]) pool.exit(worker);
    time.pass();
    assert.deepEqual(since(), ['tidy up, another has it', 'reap 101', 'reap 102', 'finished']);
  });

  it('that fails leaves everything as it was, and the PID file is ours again', async (t) => {
    const { manager, upgrade, upgradeEvents, pool, time, calls, page } = await create(t);
    manager.signal('SIGUSR2');
    upgrade.isRunning = false;
    upgradeEvents.failed(4242);
    time.pass(3_000);
    assert.ok(calls.includes('rewrite PID file'));
    assert.equal(page.totals().events.upgradesFailed, 1);
    assert.deepEqual(pool.orders, []);
  });

  it('a stop waits until the next manager has gone', async (t) => {
    const { manager, upgrade, pool, time, events } = await create(t);
    manager.signal('SIGUSR2');
    manager.stop(false);
    for (const worker of [...pool.workers]) pool.exit(worker, 'SIGKILL');
    time.pass(2_000);
    assert.equal(events.includes('finished'), false);
    upgrade.isRunning = false;
    time.pass(2_000);
    assert.equal(events.includes('finished'), true);
  });
});

describe('in the next manager of an upgrade', () => {
  function inherited() {
    const told = [];
    let answer;
    return {
      told,
      answer: () => answer(),
      inheritance: {
        close: () => told.push('closed'),
        ready(tookOver) {
          told.push('ready');
          answer = tookOver;
        },
      },
    };
  }

  it('the old one may go when all workers are healthy, and not before', async (t) => {
    const { told, answer, inheritance } = inherited();
    const { pool, time, calls, events } = await create(t, { options: { workers: 2 }, inheritance, isHealthy: false });
    assert.deepEqual(told, ['closed']);
    pool.beat(pool.workers[0]);
    time.pass();
    assert.deepEqual(told, ['closed'], 'one of two');
    pool.beat(pool.workers[1]);
    assert.deepEqual(told, ['closed', 'ready']);
    assert.ok(calls.includes('adopt PID file'));
    assert.equal(events.includes('tookOver'), false);
    answer();
    assert.equal(events.includes('tookOver'), true);
  });

  it('a stop before that leaves the paths to the old one, and its queue open', async (t) => {
    const { inheritance } = inherited();
    const { manager, pool, time, calls } = await create(t, { inheritance, isHealthy: false });
    pool.beat(pool.workers[0]);
    calls.length = 0;
    manager.stop(true);
    time.pass();
    assert.deepEqual(
      calls.filter((call) => /close|open|tidy/.test(call)),
      ['close sockets, another has them'],
    );
    for (const worker of [...pool.workers]) pool.exit(worker);
    time.pass();
    assert.equal(calls.at(-1), 'tidy up, another has it');
  });
});

it('each pass keeps the files, and writes again what a worker may have overwritten', async (t) => {
  const { time, calls, board } = await create(t);
  calls.length = 0;
  board.used = 4_000;
  board.isStopping = true;
  board.pidFile = 1;
  time.pass(1_000);
  assert.deepEqual(calls, ['keep PID file', 'ensure lock file']);
  assert.deepEqual([board.used, board.isStopping, board.hasPidFile(7)], [2, false, true]);
});

it('a pass that fails is told, and the next one comes', async (t) => {
  const { premises, log, time, calls } = await create(t);
  premises.pidFile.keep = () => {
    throw new Error('no memory');
  };
  time.pass(1_000);
  assert.match(log.lines.at(-1), /The manager's pass failed, it goes on: Error: no memory/);
  premises.pidFile.keep = () => calls.push('kept');
  time.pass(1_000);
  assert.ok(calls.includes('kept'));
});

it('a signal handler that fails is told', async (t) => {
  const { manager, upgrade, log } = await create(t);
  upgrade.begin = () => {
    throw new Error('no memory');
  };
  manager.signal('SIGUSR2');
  assert.equal(log.lines.at(-1), "error: Can't act on SIGUSR2: no memory");
});

it('a summary tells the states, and how old each heartbeat is', async (t) => {
  const { manager, time } = await create(t);
  time.pass(300);
  assert.deepEqual(manager.summary(), {
    workers: 2,
    reloading: false,
    reloadError: undefined,
    pool: [
      { state: 'healthy', heartbeatAge: 300 },
      { state: 'healthy', heartbeatAge: 300 },
    ],
  });
});

describe('the log', () => {
  const bound = (premises) => premises.sockets.push({ location: BOUND, fds: [] });

  for (const silent of [false, true]) {
    it(`names ${silent ? 'no location with `silent`' : 'each location'}, and the manager`, async (t) => {
      const { log } = await create(t, { options: { silent }, prepare: bound });
      const lines = log.lines.filter((line) => /Listening|started/.test(line));
      const all = [`info: Listening at "${BOUND.url}"`, `info: Manager ${process.pid} started`];
      assert.deepEqual(lines, silent ? all.slice(1) : all);
    });
  }
});

describe('the exit of the process', () => {
  const others = process.listeners('exit');
  const listeners = () => process.listeners('exit').filter((listener) => !others.includes(listener));

  it('tidies up', async (t) => {
    const { calls } = await create(t);
    calls.length = 0;
    listeners().at(-1)();
    assert.deepEqual(calls, ['tidy up']);
  });

  it('concerns no server that has finished', async (t) => {
    const before = listeners().length;
    const { manager, pool, time } = await create(t);
    assert.equal(listeners().length, before + 1);
    manager.stop(false);
    for (const worker of [...pool.workers]) pool.exit(worker, 'SIGKILL');
    time.pass(2_000);
    assert.equal(listeners().length, before);
  });
});

describe('the sockets that workers have asked for', () => {
  const onDemand = (premises, calls) => {
    premises.onDemand = { served: () => calls.push('a worker serves'), sweep: () => calls.push('sweep') };
  };

  it('are swept in each pass, but not while an upgrade runs: the next manager has them too', async (t) => {
    const { manager, upgrade, calls, time } = await create(t, { prepare: onDemand });
    assert.ok(calls.includes('a worker serves'));
    calls.length = 0;
    time.pass(1_000);
    assert.ok(calls.includes('sweep'));
    manager.signal('SIGUSR2');
    calls.length = 0;
    time.pass(2_000);
    assert.ok(calls.includes('keep PID file'), 'there was a pass');
    assert.ok(!calls.includes('sweep'));
    upgrade.isRunning = false;
    time.pass(2_000);
    assert.ok(calls.includes('sweep'));
  });
});

describe('a pool of which some workers have left', () => {
  it('keeps its sockets until the last one has, in a stop', async (t) => {
    const { manager, pool, time, calls } = await create(t);
    manager.stop(true);
    calls.length = 0;
    pool.workers[0].hasLeft = true;
    time.pass();
    assert.ok(!calls.some((call) => call.startsWith('close sockets')));
  });
});

describe('the lock file of a next manager that has failed', () => {
  for (const [what, pid, isThere] of [
    ['is removed', 4242, false],
    ['of a manager without a pid is nobody’s', 0, true],
  ]) {
    it(what, async (t) => {
      const lockFile = join(tempDir(t), 'lock');
      const { manager, upgrade, upgradeEvents } = await create(t, { options: { lockFile } });
      const file = lockFilePath(lockFile, pid);
      writeFileSync(file, '');
      manager.signal('SIGUSR2');
      upgrade.isRunning = false;
      upgradeEvents.failed(pid);
      assert.equal(existsSync(file), isThere);
    });
  }

  it('is no error where there was none', async (t) => {
    const { manager, upgrade, upgradeEvents, log } = await create(t);
    const before = log.lines.length;
    manager.signal('SIGUSR2');
    upgrade.isRunning = false;
    upgradeEvents.failed(4242);
    assert.deepEqual(log.lines.slice(before), []);
  });
});

it('at a reload the certificates are read again, before a worker is started', async (t) => {
  const { manager, calls, pool, time } = await create(t);
  const { slots } = pool;
  calls.length = 0;
  manager.reload();
  time.pass();
  assert.ok(calls.includes('renew secrets'));
  assert.ok(pool.slots > slots);
});

it('before it runs there is no status, no worker and no address', () => {
  const manager = new Manager({ ...resolveOptions(), log: fakeLog() }, 1, {}, false);
  assert.deepEqual([manager.status(), manager.addresses, manager.summary().pool], [undefined, [], []]);
  manager.ensurePidFile();
});
