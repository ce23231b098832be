// The worker processes as the manager keeps them: records, beats, orders and deaths.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { ASKING_BEAT, DRAINING_BEAT, GRANT } from '../dist/handover.js';
import { Pool } from '../dist/manager/pool.js';
import { SCOREBOARD_BYTES, Scoreboard, State } from '../dist/scoreboard.js';
import { Stats } from '../dist/stats.js';
import { STATS_BYTES } from '../dist/stats-layout.js';
import { fakeLog } from './helpers/log.js';
import { fakeTime } from './helpers/time.js';

const BEAT = Buffer.from('.');

function create(t, { refuses = false, onDemand, denied = false } = {}) {
  const time = fakeTime(t);
  const log = fakeLog();
  const board = new Scoreboard(new Uint32Array(SCOREBOARD_BYTES / 4));
  const page = new Stats(new Float64Array(STATS_BYTES / 8), 0);
  page.open(time.now);
  const events = [];
  const signals = [];
  const processes = [];
  const system = {
    spawnWorker(identity, options, failed) {
      if (refuses) return void failed(new Error('spawn EAGAIN'));
      const child = new EventEmitter();
      const pipe = Object.assign(new EventEmitter(), { written: [], closed: false });
      pipe.write = (text) => pipe.written.push(text);
      pipe.destroy = () => {
        pipe.closed = true;
      };
      processes.push({ identity, options, child, pipe });
      return { pid: 100 + processes.length, child, pipe };
    },
    signalProcess(pid, signal) {
      signals.push([pid, signal]);
      return denied ? 'denied' : 'sent';
    },
  };
  const settings = {
    heartbeatInterval: 5_000,
    heartbeatTimeout: 20_000,
    gracefulTimeout: 30_000,
    directory: '/srv',
    hangReport: false,
    log,
  };
  const premises = {
    board,
    stats: { page },
    descriptors: { scoreboard: 10, facts: 11, stats: 12, sockets: [[13], []] },
    owner: { uid: 33 },
    onDemand,
  };
  const pool = new Pool(
    settings,
    2,
    premises,
    {
      spawned: ({ pid }) => events.push(['spawned', pid]),
      beaten: ({ pid }, isFirst) => events.push(['beaten', pid, isFirst]),
      reaped: ({ pid }, end) => events.push(['reaped', pid, end, pool.workers.length]),
      notSpawned: (error) => events.push(['not spawned', error.message]),
    },
    system,
  );
  const one = (own = {}) => {
    pool.spawn(0, 0);
    const process = processes.at(-1);
    const worker = pool.workers.at(-1);
    return Object.assign(
      { worker, ...process, beat: (byte = BEAT) => process.pipe.emit('data', byte) },
      { exit: (status, signal = null) => process.child.emit('exit', status, signal) },
      own,
    );
  };
  return { time, log, board, page, events, signals, processes, pool, one };
}

describe('a start', () => {
  it('makes a record in the lowest free slot, and tells', (t) => {
    const { pool, events, processes, log, page, time } = create(t);
    pool.spawn(4, 7);
    assert.deepEqual(pool.workers, [
      { pid: 101, slot: 0, id: 4, generation: 7, state: 'starting', spawnedAt: time.now, heartbeatAt: time.now },
    ]);
    assert.deepEqual(processes[0].identity, { manager: process.pid, run: 2, slot: 0, id: 4, patience: 55_000 });
    assert.deepEqual(processes[0].options, {
      descriptors: [10, 11, 12, 13],
      directory: '/srv',
      hangReport: false,
      uid: 33,
    });
    assert.deepEqual([events, log.lines], [[['spawned', 101]], ['info: Worker 101 started']]);
    assert.deepEqual([page.records()[0].pid, page.records()[0].id, page.records()[0].generation], [101, 4, 7]);
  });

  it('takes the slot of a worker that has died', (t) => {
    const { pool, one } = create(t);
    const [first] = [one(), one()];
    assert.equal(pool.slots, 2);
    first.exit(0);
    one();
    assert.deepEqual(pool.workers.map(({ slot }) => slot).sort(), [0, 1]);
    assert.equal(pool.slots, 2);
  });

  it('that the system refuses leaves nothing', (t) => {
    const given = [];
    const onDemand = { open: () => ({ fd: 14, given: (worker) => given.push(worker) }) };
    const { pool, events, board, page } = create(t, { refuses: true, onDemand });
    pool.spawn(0, 0);
    assert.deepEqual(events, [['not spawned', 'spawn EAGAIN']]);
    assert.deepEqual([pool.workers, page.records(), board.pid(0), given], [[], [], 0, [undefined]]);
  });

  it('hands the channel of the command on behind the listening sockets', (t) => {
    const given = [];
    const onDemand = {
      open: () => ({ fd: 14, given: (worker) => given.push(worker) }),
      reaped: (worker) => given.push(worker),
    };
    const { one, processes } = create(t, { onDemand });
    const { worker, exit } = one();
    assert.deepEqual(processes[0].options.descriptors, [10, 11, 12, 13, 14]);
    exit(0);
    assert.deepEqual(given, [worker, worker]);
  });
});

describe('a beat', () => {
  it('makes a worker healthy once', (t) => {
    const { one, events, time } = create(t);
    const { worker, beat } = one();
    time.pass(70);
    beat();
    assert.deepEqual([worker.state, worker.healthyAt, worker.heartbeatAt], ['healthy', time.now, time.now]);
    time.pass(5_000);
    beat();
    assert.equal(worker.heartbeatAt - worker.healthyAt, 5_000);
    assert.deepEqual(events.slice(1), [
      ['beaten', 101, true],
      ['beaten', 101, false],
    ]);
  });

  it('of a worker that drains changes no state', (t) => {
    const { one, pool } = create(t);
    const { worker, beat } = one();
    beat();
    pool.quit(worker, 'stopped');
    beat();
    assert.equal(worker.state, 'draining');
  });

  it('that says it drains makes it a draining one, from then on', (t) => {
    const { one, time } = create(t);
    const { worker, beat } = one();
    beat();
    time.pass(10);
    beat(Buffer.from(DRAINING_BEAT));
    assert.deepEqual([worker.state, worker.hasLeft, worker.drainingSince], ['draining', true, time.now]);
    time.pass(10);
    beat();
    assert.equal(worker.drainingSince, time.now - 10);
  });

  it('that asks is remembered, also among others', (t) => {
    const { one } = create(t);
    const { worker, beat } = one();
    beat(Buffer.concat([BEAT, Buffer.from(ASKING_BEAT), BEAT]));
    assert.equal(worker.isAsking, true);
    assert.equal(worker.hasLeft, undefined);
  });
});

describe('an order', () => {
  it('to leave is QUIT for a worker that is on the scoreboard', (t) => {
    const { one, pool, board, signals, time, log } = create(t);
    const { worker } = one();
    board.enter(worker.slot, worker.pid);
    pool.quit(worker, 'resized');
    assert.deepEqual(signals, [[101, 'SIGQUIT']]);
    assert.deepEqual([worker.state, worker.drainingSince, worker.order], ['draining', time.now, 'resized']);
    assert.equal(log.lines.at(-1), 'info: Trying to stop worker 101 gracefully (30 s)');
  });

  it('to leave is TERM for one that is not: it has no handler', (t) => {
    const { one, pool, board, signals } = create(t);
    const { worker } = one();
    board.enter(worker.slot, worker.pid + 1);
    pool.quit(worker, undefined);
    assert.deepEqual([signals, worker.order], [[[101, 'SIGTERM']], undefined]);
  });

  it('does not change the reason of the first one', (t) => {
    const { one, pool } = create(t);
    const { worker } = one();
    pool.quit(worker, 'hung');
    pool.quit(worker, 'stopped');
    assert.equal(worker.order, 'hung');
  });

  it('to end at once is KILL', (t) => {
    const { one, pool, signals, log } = create(t);
    const { worker } = one();
    pool.kill(worker);
    assert.deepEqual([worker.state, signals], ['killed', [[101, 'SIGKILL']]]);
    assert.equal(log.lines.at(-1), 'info: Stopping worker 101 immediately');
  });

  it('that may not be sent is an error, and closes the pipe', (t) => {
    const { one, pool, log } = create(t, { denied: true });
    const { worker, pipe } = one();
    pool.kill(worker);
    assert.equal(pipe.closed, true);
    assert.match(
      log.lines.at(-1),
      /^error: Can't send SIGKILL to worker 101: it belongs to another user; closing its pipe$/,
    );
  });

  it('that was sent leaves the pipe open', (t) => {
    const { one, pool } = create(t);
    const { worker, pipe } = one();
    pool.kill(worker);
    assert.equal(pipe.closed, false);
  });
});

describe('an answer to a worker that asks', () => {
  it('makes a healthy one a draining one', (t) => {
    const { one, pool, time } = create(t);
    const { worker, beat, pipe } = one();
    beat(Buffer.from(ASKING_BEAT));
    time.pass(5);
    pool.grant(worker);
    assert.deepEqual([worker.isAsking, worker.state, worker.drainingSince], [false, 'draining', time.now]);
    assert.deepEqual(pipe.written, [GRANT]);
  });

  it('does not give one that drains more time', (t) => {
    const { one, pool, time } = create(t);
    const { worker, beat } = one();
    beat();
    pool.quit(worker, 'stopped');
    const since = worker.drainingSince;
    time.pass(5);
    pool.grant(worker);
    assert.equal(worker.drainingSince, since);
  });
});

describe('a wake', () => {
  function three(t) {
    const all = create(t);
    for (const [slot, state] of [State.ready, State.full, State.ready].entries()) {
      const { beat } = all.one();
      if (slot > 0) beat();
      all.board.enter(slot, 101 + slot);
      all.board.setState(slot, state);
    }
    return all;
  }

  it('of the waiter goes to one with room that is not the holder', (t) => {
    const { pool, board, signals } = three(t);
    board.holder = 0;
    pool.wakeWaiter();
    assert.deepEqual(signals, [[103, 'SIGURG']]);
  });

  it('of the waiter goes to nobody when nobody has room', (t) => {
    const { pool, board, signals } = three(t);
    for (const slot of [0, 1, 2]) board.setState(slot, State.full);
    pool.wakeWaiter();
    assert.deepEqual(signals, []);
  });

  it('of all goes to those that have room', (t) => {
    const { pool, signals } = three(t);
    pool.wakeAll();
    assert.deepEqual(signals, [
      [101, 'SIGURG'],
      [103, 'SIGURG'],
    ]);
  });

  it('of everyone goes to the healthy ones, whatever the scoreboard says', (t) => {
    const { pool, signals } = three(t);
    pool.wakeEveryone();
    assert.deepEqual(signals, [
      [102, 'SIGURG'],
      [103, 'SIGURG'],
    ]);
  });
});

describe('a death', () => {
  it('is told while the record is there, and then the record is gone', (t) => {
    const { one, pool, events, board, page } = create(t);
    const { exit, beat } = one();
    beat();
    board.enter(0, 101);
    board.holder = 0;
    exit(3);
    assert.deepEqual(events.at(-1), ['reaped', 101, 'exit status 3', 1]);
    assert.deepEqual(pool.workers, []);
    assert.deepEqual([board.holder, board.pid(0)], [undefined, 0]);
    assert.deepEqual([page.records(), page.totals().exits.crashed], [[], 1]);
  });

  for (const [title, prepare, end, line] of [
    ['that nobody asked for', () => {}, [0], 'warn: Worker 101 stopped (exit status 0), nobody told it to'],
    ['by a signal', () => {}, [null, 'SIGSEGV'], 'warn: Worker 101 stopped (SIGSEGV)'],
    ['as ordered', ({ pool, worker }) => pool.quit(worker, 'stopped'), [0], 'info: Worker 101 stopped'],
    [
      'with another status than ordered',
      ({ pool, worker }) => pool.quit(worker, 'stopped'),
      [1],
      'info: Worker 101 stopped (exit status 1)',
    ],
    [
      'of TERM, which serves already',
      ({ pool, worker }) => pool.quit(worker, 'stopped'),
      [null, 'SIGTERM'],
      'info: Worker 101 stopped (SIGTERM)',
    ],
    [
      'by KILL at the deadline',
      ({ pool, worker }) => pool.kill(worker),
      [null, 'SIGKILL'],
      'info: Worker 101 stopped (SIGKILL)',
    ],
  ]) {
    it(`${title} is logged as such`, (t) => {
      const { one, pool, log } = create(t);
      const { worker, exit, beat } = one();
      beat();
      prepare({ pool, worker });
      exit(...end);
      assert.equal(log.lines.at(-1), line);
    });
  }

  it('of TERM before the first heartbeat is as ordered', (t) => {
    const { one, pool, log } = create(t);
    const { worker, exit } = one();
    pool.quit(worker, 'resized');
    exit(null, 'SIGTERM');
    assert.equal(log.lines.at(-1), 'info: Worker 101 stopped');
  });
});

it('an error of the pipe is no fault: the exit follows', (t) => {
  const { one } = create(t);
  one().pipe.emit('error', new Error('ECONNRESET'));
});
