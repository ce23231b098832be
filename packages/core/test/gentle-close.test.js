// `close` of an http server that the file has made: idle connections stay a moment, and what comes on them is their last request.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { it } from 'node:test';
import { closeGently } from '../dist/worker/gentle-close.js';
import { fakeTime } from './helpers/time.js';

const LINGER = 1_000;

/** As Node's: `close` ends idle connections at once. */
class FakeServer extends EventEmitter {
  listening = true;
  ended = 0;
  closed = [];

  close(...args) {
    this.closed.push(args);
    this.closeIdleConnections();
    this.listening = false;
    return this;
  }

  closeIdleConnections() {
    this.ended += 1;
  }
}

function create(t) {
  const time = fakeTime(t);
  const server = new FakeServer();
  const requests = [];
  server.on('request', (_request, response) => requests.push(response.shouldKeepAlive));
  closeGently(server);
  const ask = () => server.emit('request', {}, Object.assign(new EventEmitter(), { shouldKeepAlive: true }));
  return { time, server, requests, ask };
}

it('idle connections end a second after the close, and again each second while some are left', (t) => {
  const { time, server } = create(t);
  const callback = () => {};
  assert.equal(server.close(callback), server);
  assert.deepEqual([server.closed, server.ended], [[[callback]], 0]);
  time.pass(LINGER - 1);
  assert.equal(server.ended, 0);
  time.pass(1);
  assert.equal(server.ended, 1);
  time.pass(LINGER);
  assert.equal(server.ended, 2);
  server.emit('close');
  assert.equal(time.left, 0);
});

it('a request after the close is the last one of its connection, and those of a server that listens again are not', (t) => {
  const { server, requests, ask } = create(t);
  ask();
  server.close();
  ask();
  server.emit('close');
  server.listening = true;
  ask();
  assert.deepEqual(requests, [true, false, true]);
});

it('`closeIdleConnections` by itself ends them at once, before and after a close', (t) => {
  const { server } = create(t);
  server.closeIdleConnections();
  assert.equal(server.ended, 1);
  server.close();
  server.closeIdleConnections();
  assert.equal(server.ended, 2);
});

it('a server that does not listen is closed as Node closes it', (t) => {
  const { time, server } = create(t);
  server.listening = false;
  server.close();
  assert.deepEqual([server.ended, time.left], [1, 0]);
});

it('a close that throws leaves `closeIdleConnections` as it is', (t) => {
  fakeTime(t);
  const server = new FakeServer();
  server.close = () => {
    throw new Error('no');
  };
  closeGently(server);
  assert.throws(() => server.close(), /no/);
  server.closeIdleConnections();
  assert.equal(server.ended, 1);
});

it('a wrapper that came after it stays when the server closes', (t) => {
  const { server } = create(t);
  server.close();
  const { emit } = server;
  const own = (...args) => Reflect.apply(emit, server, args);
  server.emit = own;
  own('close');
  assert.equal(server.emit, own);
});

it('a server of http2 has no such method and keeps its close', () => {
  const server = { close() {} };
  const { close } = server;
  closeGently(server);
  assert.equal(server.close, close);
});
