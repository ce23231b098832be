// Workers that have outgrown `maxMemory` or `maxAge`: when they are marked, and that a replacement comes first.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { surplus, vacancies } from '../dist/manager/policy.js';
import { WorkerLimits } from '../dist/manager/worker-limits.js';
import { isMemory, memoryOf } from '../dist/memory-limit.js';
import { fakeLog } from './helpers/log.js';
import { LIMITS, NOW, RUN, worker } from './helpers/records.js';

const MB = 2 ** 20;

function create({ maxMemory = 0, maxAge = 0, random = 0 } = {}) {
  const log = fakeLog();
  const memory = { bytes: 50 * MB };
  const limits = new WorkerLimits(
    { log, maxMemory, maxAge },
    () => memory.bytes,
    () => random,
  );
  return { log, memory, limits };
}

describe('maxMemory', () => {
  it('marks a worker that is above it at two heartbeats in a row', () => {
    const { log, memory, limits } = create({ maxMemory: 100 * MB });
    const one = worker('healthy', { healthyAt: NOW });
    /** @returns whether it was marked */
    const look = (megabytes) => {
      memory.bytes = megabytes * MB;
      limits.lookAtMemory(one);
      return one.excess;
    };
    assert.deepEqual([60, 101, 100, 101].map(look), [undefined, undefined, undefined, undefined]);
    assert.deepEqual(log.lines, []);
    assert.equal(look(150), 'memory');
    assert.deepEqual(log.lines, [`info: Worker ${one.pid} takes 150 MB (maxMemory is 100 MB), replacing it`]);
    look(160);
    assert.equal(log.lines.length, 1);
  });

  it('below what a fresh worker takes is warned of once, and marks nobody', () => {
    const { log, limits } = create({ maxMemory: 40 * MB });
    for (const one of [worker('healthy'), worker('healthy')]) {
      for (let i = 0; i < 5; i++) limits.lookAtMemory(one);
      assert.equal(one.excess, undefined);
    }
    assert.equal(log.lines.length, 1);
    assert.match(log.lines[0], /^warn: A fresh worker takes 50 MB, more than maxMemory \(40 MB\).*; raise maxMemory$/);
  });

  it('marks a worker that was below it once, later', () => {
    const { memory, limits } = create({ maxMemory: 60 * MB });
    const one = worker('healthy');
    for (const megabytes of [70, 50, 70, 70]) {
      memory.bytes = megabytes * MB;
      limits.lookAtMemory(one);
    }
    assert.equal(one.excess, 'memory');
  });

  for (const state of ['starting', 'draining', 'killed']) {
    it(`does not look at a worker that is ${state}`, () => {
      const { limits, log } = create({ maxMemory: 1 });
      const one = worker(state);
      for (let i = 0; i < 5; i++) limits.lookAtMemory(one);
      assert.deepEqual([one.excess, log.lines], [undefined, []]);
    });
  }

  it('of 0 is no limit, and a process that has gone has none', () => {
    const none = create();
    const gone = create({ maxMemory: 100 * MB });
    gone.memory.bytes = undefined;
    const one = worker('healthy');
    for (let i = 0; i < 5; i++) none.limits.lookAtMemory(one);
    for (let i = 0; i < 5; i++) gone.limits.lookAtMemory(one);
    assert.equal(one.excess, undefined);
  });
});

describe('maxAge', () => {
  for (const [title, random, end] of [
    ['after its time', 0, 10_000],
    ['up to a tenth earlier', 1, 9_000],
  ]) {
    it(`marks a worker ${title}`, () => {
      const { limits, log } = create({ maxAge: 10_000, random });
      const one = worker('healthy', { healthyAt: NOW });
      limits.lookAtAge(one, NOW + end - 1);
      assert.equal(one.excess, undefined);
      limits.lookAtAge(one, NOW + end);
      assert.equal(one.excess, 'age');
      assert.deepEqual(log.lines, [`info: Worker ${one.pid} has served for ${end / 1000} s (maxAge), replacing it`]);
    });
  }

  it('is drawn once for each worker', () => {
    let draws = 0;
    const limits = new WorkerLimits({ log: fakeLog(), maxMemory: 0, maxAge: 10_000 }, undefined, () => {
      draws += 1;
      return 0;
    });
    const one = worker('healthy', { healthyAt: NOW });
    for (let i = 0; i < 5; i++) limits.lookAtAge(one, NOW);
    assert.equal(draws, 1);
  });

  it('of 0 is for ever', () => {
    const one = worker('healthy', { healthyAt: 0 });
    create().limits.lookAtAge(one, 1e12);
    assert.equal(one.excess, undefined);
  });
});

describe('a worker that has outgrown a limit', () => {
  const target = { ...RUN, workers: 3 };
  const pool = (...own) => own.map((each, id) => worker('healthy', { id, spawnedAt: id, ...each }));
  const old = { excess: 'memory' };

  it('gets a replacement with its number, one after the other', () => {
    const workers = pool({}, old, old);
    assert.deepEqual(vacancies(workers, target, LIMITS), [1]);
    const booting = worker('starting', { id: 1, spawnedAt: 10 });
    assert.deepEqual(vacancies([...workers, booting], target, LIMITS), []);
    assert.deepEqual(surplus([...workers, booting], target), [], 'and serves until that one does');
  });

  it('leaves when its replacement serves, and then it is the turn of the next one', () => {
    const workers = pool({}, old, old);
    const fresh = worker('healthy', { id: 1, spawnedAt: 10 });
    assert.deepEqual(surplus([...workers, fresh], target), [workers[1]]);
    workers[1].state = 'draining';
    assert.deepEqual(vacancies([...workers, fresh], target, LIMITS), [2]);
  });

  it('waits for missing workers', () => {
    const workers = pool({}, old).slice(0, 2);
    assert.deepEqual(vacancies(workers, target, LIMITS), [2]);
  });

  it('is replaced without spare workers too, one at a time', () => {
    assert.deepEqual(vacancies(pool(old, old, old), target, { ...LIMITS, spare: 0 }), [0]);
    const workers = [...pool(old, old, old), worker('draining')];
    assert.deepEqual(vacancies(workers, target, { ...LIMITS, spare: 0 }), []);
  });

  it('is replaced by a reload as any other', () => {
    const workers = pool(old, {}, {});
    const fresh = worker('healthy', { id: 0, generation: 1, spawnedAt: 10 });
    assert.deepEqual(surplus([...workers, fresh], { ...target, generation: 1 }), [workers[0]]);
  });

  it('that a smaller pool has no room for gets no replacement', () => {
    assert.deepEqual(vacancies(pool({}, {}, {}, old), target, LIMITS), []);
  });
});

describe('a size', () => {
  for (const [value, bytes] of [
    [0, 0],
    [1_000, 1_000],
    ['512MB', 512 * MB],
    ['1.5GB', 1536 * MB],
    ['64KB', 65_536],
    ['1TB', 2 ** 40],
    ['80%', 400],
    ['100%', 500],
    ['0.5%', 3],
  ]) {
    it(`of ${value} with 4 workers in 2000 bytes is ${bytes}`, () => {
      assert.equal(isMemory(value), true);
      assert.equal(
        memoryOf(value, 4, () => 2_000),
        bytes,
      );
    });
  }

  for (const value of [
    '0%',
    '80 %',
    '101%',
    '0MB',
    '5XB',
    '512',
    '512mb',
    'MB',
    '-1MB',
    '1e3MB',
    '',
    -1,
    0.5,
    Number.NaN,
  ]) {
    it(`of ${JSON.stringify(value)} is none`, () => assert.equal(isMemory(value), false));
  }

  it('of a share without workers is that of one', () =>
    assert.equal(
      memoryOf('50%', 0, () => 2_000),
      1_000,
    ));
});
