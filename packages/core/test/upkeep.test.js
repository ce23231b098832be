// How the pool is kept: which workers are started, told to leave and killed, and what follows from a death.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Upkeep } from '../dist/manager/upkeep.js';
import { fakeLog } from './helpers/log.js';
import { LIMITS, NOW, numbered, RUN, worker } from './helpers/records.js';
import { fakeTime } from './helpers/time.js';

function create(t, workers = [], target = {}, reloadFails = false) {
  const time = fakeTime(t, NOW);
  const log = fakeLog();
  const orders = [];
  const pool = {
    workers: numbered(workers),
    spawn: (id, generation) => orders.push(['spawn', id, generation]),
    quit: ({ pid }, order) => orders.push(['quit', pid, order]),
    kill: ({ pid }) => orders.push(['kill', pid]),
    grant: ({ pid }) => orders.push(['grant', pid]),
  };
  const failed = [];
  const reload = {
    failed(culprit, reason) {
      orders.push(['reload failed', culprit.pid, reason]);
      return reloadFails;
    },
  };
  const upkeep = new Upkeep({
    settings: { ...LIMITS, log },
    target: { ...RUN, workers: 2, ...target },
    pool,
    reload,
    failed: (error) => failed.push(error),
  });
  return { time, log, orders, pool, failed, upkeep };
}

const healthy = (own) => worker('healthy', { healthyAt: NOW - 60_000, ...own });

it('missing workers are started with the numbers that nobody has, in the current generation', (t) => {
  const { upkeep, orders } = create(t, [healthy({ generation: 3 })], { generation: 3, workers: 3 });
  upkeep.startMissing(NOW);
  assert.deepEqual(orders, [
    ['spawn', 1, 3],
    ['spawn', 2, 3],
  ]);
});

it('an old worker whose successor serves was reloaded, one above the size was resized', (t) => {
  const old = healthy({ generation: 0 });
  const fresh = healthy({ generation: 1 });
  const above = healthy({ generation: 1 });
  const { upkeep, orders } = create(t, [old, fresh, above], { generation: 1, workers: 1 });
  upkeep.drainSurplus();
  assert.deepEqual(
    new Set(orders),
    new Set([
      ['quit', above.pid, 'resized'],
      ['quit', old.pid, 'reloaded'],
    ]),
  );
});

it('only workers that have asked are answered', (t) => {
  const asking = healthy({ isAsking: true });
  const { upkeep, orders } = create(t, [healthy(), asking]);
  upkeep.answer();
  assert.deepEqual(orders, [['grant', asking.pid]]);
});

describe('a worker is told', () => {
  it('to leave, in a graceful stop', (t) => {
    const one = healthy();
    const { upkeep, orders } = create(t, [one], { goal: 'stop gracefully' });
    upkeep.judge(NOW);
    assert.deepEqual(orders, [['quit', one.pid, 'stopped']]);
  });

  it('nothing more, in a stop at once: it is killed', (t) => {
    const one = healthy();
    const { upkeep, orders } = create(t, [one], { goal: 'stop immediately' });
    upkeep.judge(NOW);
    assert.deepEqual(orders, [['kill', one.pid]]);
  });

  it('nothing while its heartbeat is not overdue', (t) => {
    const { upkeep, orders, log } = create(t, [healthy({ heartbeatAt: NOW - 24_999 })]);
    upkeep.judge(NOW);
    assert.deepEqual([orders, log.lines], [[], []]);
  });

  it('to leave, when its heartbeat is overdue', (t) => {
    const one = healthy({ heartbeatAt: NOW - 25_000 });
    const { upkeep, orders, log } = create(t, [one]);
    upkeep.judge(NOW);
    assert.deepEqual(orders, [['quit', one.pid, 'hung']]);
    assert.deepEqual(log.lines, [`error: Worker ${one.pid} has no heartbeat (20 s), restarting`]);
  });

  it('nothing, when it has never sent one: it is killed as hung, and a reload has failed', (t) => {
    const one = worker('starting', { heartbeatAt: NOW - 25_000 });
    const { upkeep, orders } = create(t, [one]);
    upkeep.judge(NOW);
    assert.deepEqual(orders, [
      ['reload failed', one.pid, `worker ${one.pid} sent no heartbeat`],
      ['kill', one.pid],
    ]);
    assert.equal(one.order, 'hung');
  });
});

describe('a death', () => {
  const young = () => worker('healthy', { healthyAt: NOW - 100 });
  const missing = (upkeep, orders) => {
    orders.length = 0;
    upkeep.startMissing(performance.now());
    return orders.length;
  };

  it('of the first worker ends the server, with the reason', (t) => {
    const one = worker('starting');
    const { upkeep, failed, log } = create(t, [one], { proven: false });
    upkeep.reaped(one, 'exit status 1');
    assert.deepEqual(
      failed.map(({ code, message }) => [code, message]),
      [['ERR_PREFORK_BOOT', `Worker ${one.pid} stopped before its first heartbeat`]],
    );
    assert.deepEqual(log.lines, [`error: Worker ${one.pid} stopped too early, shutting down`]);
  });

  it('of a worker that was told to leave means nothing', (t) => {
    const one = worker('draining', { healthyAt: NOW - 100 });
    const { upkeep, failed, orders, log } = create(t, [one]);
    for (let i = 0; i < 30; i++) upkeep.reaped(one, 'exit status 1');
    assert.deepEqual([failed, orders, log.lines], [[], [], []]);
  });

  it('soon after the first heartbeat slows the replacement down when it happens again and again', (t) => {
    const { upkeep, orders, pool, log, time } = create(t);
    pool.workers = [];
    for (let i = 0; i < 10; i++) upkeep.reaped(young(), 'SIGSEGV');
    assert.equal(missing(upkeep, orders), 2);
    upkeep.reaped(young(), 'SIGSEGV');
    assert.match(log.lines.at(-1), /^warn: Workers keep stopping early, the next one starts in 0\.[23] s$/);
    assert.equal(missing(upkeep, orders), 0);
    assert.ok(upkeep.deadline(NOW) > NOW && upkeep.deadline(NOW) <= NOW + 313);
    time.pass(313);
    assert.equal(missing(upkeep, orders), 1);
  });

  it('before the first heartbeat makes a reload fail, and then counts as no crash', (t) => {
    const { upkeep, orders, log } = create(t, [], {}, true);
    for (let i = 0; i < 30; i++) upkeep.reaped(worker('starting'), 'exit status 1');
    assert.deepEqual(log.lines, []);
    assert.equal(orders.length, 30);
    assert.match(orders[0][2], /^worker \d+ stopped too early$/);
  });

  it('before the first heartbeat counts as a crash when nothing is reloaded', (t) => {
    const { upkeep, log } = create(t);
    for (let i = 0; i < 11; i++) upkeep.reaped(worker('starting'), 'exit status 1');
    assert.equal(log.lines.length, 1);
  });

  it('after a while is replaced at once', (t) => {
    const { upkeep, log, orders } = create(t);
    for (let i = 0; i < 30; i++) upkeep.reaped(healthy(), 'exit status 0');
    assert.deepEqual([log.lines, orders], [[], []]);
  });
});

describe('a process that the system refuses', () => {
  it('ends a server that has never served', (t) => {
    const { upkeep, failed, log } = create(t, [], { proven: false });
    const error = new Error('spawn EAGAIN');
    upkeep.notStarted(error);
    assert.deepEqual(failed, [error]);
    assert.deepEqual(log.lines, ["error: Can't start a worker: spawn EAGAIN"]);
  });

  it('is told once for all starts of a pass, and tried again later, one at a time', (t) => {
    const { upkeep, failed, log, orders, time } = create(t);
    for (let i = 0; i < 3; i++) upkeep.notStarted(new Error('spawn EAGAIN'));
    assert.deepEqual(failed, []);
    assert.equal(log.lines.length, 2);
    assert.match(log.lines[1], /^warn: No worker can be started, the next one starts in 0\.[23] s$/);
    upkeep.startMissing(NOW);
    assert.deepEqual(orders, []);
    time.pass(313);
    upkeep.startMissing(time.now);
    assert.equal(orders.length, 1);
    upkeep.notStarted(new Error('spawn EAGAIN'));
    assert.equal(log.lines.length, 2, 'the delay of the one that was just tried');
  });
});

it('the deadline is that of the worker that is judged first', (t) => {
  const { upkeep } = create(t, [healthy(), worker('draining', { drainingSince: NOW - 5_000 })]);
  assert.equal(upkeep.deadline(NOW), NOW + 15_000);
});

it('without workers there is no deadline', (t) => {
  assert.equal(create(t).upkeep.deadline(NOW), Number.POSITIVE_INFINITY);
});
