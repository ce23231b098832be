// Requests that wait until all data of their connection is read, and the limit of requests on one connection.

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { Deferred } from '../dist/worker/deferred.js';
import { RequestLimit } from '../dist/worker/request-limit.js';
import { fakeTime } from './helpers/time.js';

describe('requests that wait', () => {
  it('are passed in their order at the end of the loop turn, once', (t) => {
    const time = fakeTime(t);
    const deferred = new Deferred();
    const [one, other] = [new EventEmitter(), new EventEmitter()];
    const passed = [];
    for (const name of ['a', 'b']) deferred.add(one, () => passed.push(name));
    deferred.add(other, () => passed.push('c'));
    assert.deepEqual(passed, []);
    time.pass();
    assert.deepEqual(passed, ['a', 'b', 'c']);
    deferred.flush(one);
    one.emit('end');
    assert.deepEqual(passed, ['a', 'b', 'c']);
    assert.equal(one.listenerCount('end'), 0);
  });

  it('are passed before the listeners that end a connection whose client has ended its side', (t) => {
    fakeTime(t);
    const deferred = new Deferred();
    const socket = new EventEmitter();
    const order = [];
    socket.on('end', () => order.push('ended'));
    deferred.add(socket, () => order.push('passed'));
    socket.emit('end');
    assert.deepEqual(order, ['passed', 'ended']);
  });

  it('are passed also when one before them throws, and the error is thrown', (t) => {
    fakeTime(t);
    const deferred = new Deferred();
    const socket = new EventEmitter();
    const passed = [];
    deferred.add(socket, () => {
      throw new Error('the first');
    });
    deferred.add(socket, () => passed.push('second'));
    assert.throws(() => deferred.flush(socket), /the first/);
    assert.deepEqual(passed, ['second']);
  });

  it('run in the async context in which they came', (t) => {
    fakeTime(t);
    const deferred = new Deferred();
    const socket = new EventEmitter();
    const storage = new AsyncLocalStorage();
    const seen = [];
    for (const store of ['a', 'b']) storage.run(store, () => deferred.add(socket, () => seen.push(storage.getStore())));
    deferred.flush(socket);
    assert.deepEqual(seen, ['a', 'b']);
  });
});

describe('the limit of requests', () => {
  it('makes the request with this number the last one of its connection, and each after it', () => {
    const limit = new RequestLimit(2);
    const [one, other] = [{}, {}];
    assert.deepEqual(
      [one, one, one, other].map((connection) => limit.isLast(connection)),
      [false, true, true, false],
    );
  });

  it('is none with 0', () => {
    const limit = new RequestLimit(0);
    const connection = {};
    for (let i = 0; i < 3; i++) assert.equal(limit.isLast(connection), false);
  });
});
