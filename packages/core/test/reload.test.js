// A rolling reload: when it begins, is over, or has failed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Reload } from '../dist/manager/reload.js';
import { fakeLog } from './helpers/log.js';
import { RUN, worker } from './helpers/records.js';

function create({ prepare = () => {}, ...target } = {}) {
  const log = fakeLog();
  const events = [];
  const goal = { ...RUN, workers: 2, ...target };
  const reload = new Reload(goal, { reload: (error) => events.push(error?.message) }, log, prepare);
  return { log, events, target: goal, reload };
}

const old = () => worker('healthy', { generation: 0 });
const fresh = (generation = 1) => worker('healthy', { generation });

it('a request begins a new generation, and is counted', () => {
  const { reload, target, log } = create();
  reload.request(false);
  assert.equal(target.generation, 1);
  assert.deepEqual(reload.news, { reloads: 1, reloaded: 0, reloadFailed: 0, reloadCulprit: 0 });
  assert.deepEqual(log.lines, ['info: Reloading the workers']);
});

it('it is over once when a new worker serves and no old one does', () => {
  const { reload, log, events } = create();
  reload.request(false);
  reload.step(true, [old(), fresh()]);
  reload.step(false, [worker('starting', { generation: 1 })]);
  assert.deepEqual(events, []);
  reload.step(false, [fresh()]);
  reload.step(false, [fresh()]);
  assert.deepEqual(events, [undefined]);
  assert.equal(reload.news.reloaded, 1);
  assert.equal(log.lines.at(-1), 'info: Reload finished');
});

it('a worker of the old generation that is healthy does not end it', () => {
  const { reload, events } = create();
  reload.request(false);
  reload.step(false, [old()]);
  assert.deepEqual(events, []);
});

it('of a pool without workers it is over at once', () => {
  const { reload, events } = create({ workers: 0 });
  reload.request(false);
  reload.step(false, []);
  assert.deepEqual(events, [undefined]);
});

it('any number of requests meanwhile make one more after it', () => {
  const { reload, target, events } = create();
  reload.request(false);
  for (let i = 0; i < 5; i++) reload.request(true);
  reload.step(false, [fresh(1)]);
  assert.equal(target.generation, 2);
  reload.step(false, [fresh(2)]);
  reload.step(false, [fresh(2)]);
  assert.equal(target.generation, 2);
  assert.deepEqual(events, [undefined, undefined]);
  assert.equal(reload.news.reloads, 2);
});

it('a request in the moment when all are new, and nobody has said yet that it is over, waits as well', () => {
  const { reload, target } = create();
  reload.request(false);
  reload.request(false);
  assert.equal(target.generation, 1);
});

it('a request while old workers of a pool that was resized still serve waits for them', () => {
  const { reload, target } = create();
  reload.request(true);
  assert.equal(target.generation, 0);
});

describe('a worker that does not come up', () => {
  it('ends it: all workers count as current, and the reason is told', () => {
    const { reload, target, events, log } = create();
    reload.request(false);
    const [before, culprit] = [old(), worker('starting', { generation: 1 })];
    assert.equal(reload.failed(culprit, 'worker 7 stopped too early', [before, culprit]), true);
    assert.equal(before.generation, target.generation);
    assert.equal(culprit.generation, target.generation);
    assert.equal(reload.reloadError, 'worker 7 stopped too early');
    assert.deepEqual(events, ['Reload failed: worker 7 stopped too early']);
    assert.deepEqual(reload.news, { reloads: 1, reloaded: 0, reloadFailed: 1, reloadCulprit: culprit.pid });
    assert.equal(log.lines.at(-1), 'error: Reload failed, worker 7 stopped too early; the old workers stay');
    reload.step(false, [fresh()]);
    assert.equal(events.length, 1, 'and it is not over once more');
  });

  it('ends those that wait as well', () => {
    const { reload, target } = create();
    reload.request(false);
    reload.request(true);
    reload.failed(worker('starting', { generation: 1 }), 'it failed', []);
    reload.step(false, [fresh()]);
    assert.equal(target.generation, 1);
  });

  it('is none of it when it is older', () => {
    const { reload, events } = create();
    reload.request(false);
    assert.equal(reload.failed(worker('starting', { generation: 0 }), 'it failed', []), false);
    assert.deepEqual(events, []);
  });

  it('means nothing when nothing is reloaded', () => {
    const { reload, events } = create();
    assert.equal(reload.failed(worker('starting', { generation: 0 }), 'it failed', []), false);
    assert.deepEqual(events, []);
  });
});

it('what new workers need and cannot have ends it before it begins', () => {
  const cause = new Error('ENOENT: key.pem');
  const { reload, target, events } = create({
    prepare() {
      throw cause;
    },
  });
  reload.request(false);
  assert.equal(target.generation, 0);
  assert.deepEqual(reload.news, { reloads: 1, reloaded: 0, reloadFailed: 1, reloadCulprit: 0 });
  assert.deepEqual(events, ['Reload failed: ENOENT: key.pem']);
  reload.step(false, [old()]);
  assert.equal(events.length, 1);
});

it('the next one forgets why the last one failed', () => {
  let fails = true;
  const { reload } = create({
    prepare() {
      if (fails) throw new Error('no');
    },
  });
  reload.request(false);
  assert.equal(reload.reloadError, 'no');
  fails = false;
  reload.request(false);
  assert.equal(reload.reloadError, undefined);
});
