// A drain: what it tells each kind of connection, which ones it ends, and when.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { drain } from '../dist/worker/drain.js';
import { fakeTime } from './helpers/time.js';

const LINGER = 5_000;
const SERVER = { keepAliveTimeout: LINGER, requestTimeout: 300_000 };

class FakeSocket extends EventEmitter {
  bytesRead = 100;
  bytesWritten = 100;
  writableLength = 0;
  writableEnded = false;
  _handle = { bytesRead: 100, bytesWritten: 100, writeQueueSize: 0 };
}

function responseOn(socket, own = {}) {
  const req = { socket, complete: true, readableLength: 0, readableHighWaterMark: 1_000 };
  return { headersSent: false, writableFinished: false, writableLength: 0, ...own, req: { ...req, ...own.req } };
}

function create(t, own = {}) {
  const time = fakeTime(t, 1_000_000);
  const marked = [];
  const ended = [];
  const codes = [];
  const connections = {
    isDraining: false,
    open: new Set(),
    secured: new WeakMap(),
    sessions: new Map(),
    requests: { newest: () => [], unfinished: () => [], streams: [] },
    last: { mark: (response) => marked.push(response), reading: new Set() },
    upgrades: { close: (code) => codes.push(code), sockets: [] },
    end: (socket) => {
      ended.push(socket);
      connections.open.delete(socket);
    },
    ...own,
  };
  const begin = ({ servers = [SERVER], gracefulTimeout = 60_000, isStopping = false } = {}) =>
    drain(connections, servers, gracefulTimeout, isStopping);
  return { time, marked, ended, codes, connections, begin };
}

/** When a connection is ended, in milliseconds from the begin; undefined when it is not, in a minute. */
function endOf(t, prepare, settings) {
  const all = create(t);
  const socket = new FakeSocket();
  all.connections.open.add(socket);
  prepare(socket, all.connections);
  const stop = all.begin(settings);
  for (let passed = 0; passed <= 60_000; passed += 10) {
    if (all.ended.length > 0) {
      stop();
      assert.deepEqual(all.ended, [socket]);
      return passed;
    }
    all.time.pass(10);
  }
  stop();
  return undefined;
}

const within = (value, from, to) => assert.ok(value >= from && value <= to, `${value}, not ${from} to ${to}`);

it('the newest responses are the last of their connections, unless their heads are sent', (t) => {
  const socket = new FakeSocket();
  const [open, sent] = [responseOn(socket), responseOn(socket, { headersSent: true })];
  const { connections, marked, begin } = create(t);
  connections.requests.newest = () => [open, sent];
  begin();
  assert.deepEqual(marked, [open]);
  assert.equal(connections.isDraining, true);
});

it('WebSockets are closed with 1012, and with 1001 when the server stops', (t) => {
  const [restart, stop] = [create(t), create(t)];
  restart.begin();
  stop.begin({ isStopping: true });
  assert.deepEqual([restart.codes, stop.codes], [[1012], [1001]]);
});

it('sessions of http2 are closed at once, and one that begins later when the linger is over', (t) => {
  const closed = [];
  const session = (name) => ({ close: () => closed.push(name) });
  const { connections, time, begin } = create(t);
  connections.sessions.set(session('old'), new FakeSocket());
  begin();
  assert.deepEqual(closed, ['old']);
  connections.onSession(session('late'));
  time.pass(LINGER - 1);
  assert.deepEqual(closed, ['old']);
  time.pass(1);
  assert.deepEqual(closed, ['old', 'late']);
});

describe('an idle connection', () => {
  const idle = () => {};

  it('ends after the longest keepAliveTimeout of the servers', (t) => {
    within(endOf(t, idle, { servers: [SERVER, { ...SERVER, keepAliveTimeout: 8_000 }] }), 7_990, 9_100);
  });

  it('ends after half of gracefulTimeout at most', (t) => {
    within(endOf(t, idle, { gracefulTimeout: 4_000 }), 1_990, 2_500);
  });

  it('ends after five seconds where no server says how long, or there is none', (t) => {
    within(endOf(t, idle, { servers: [{ ...SERVER, keepAliveTimeout: 0 }] }), 4_990, 6_100);
    within(endOf(t, idle, { servers: [] }), 4_990, 6_100);
  });

  it('that has never sent a byte ends after five seconds at most, whatever keepAliveTimeout says', (t) => {
    const unused = (socket) => Object.assign(socket, { bytesRead: 0, bytesWritten: 0 });
    within(endOf(t, unused, { servers: [{ ...SERVER, keepAliveTimeout: 30_000 }] }), 4_990, 6_100);
  });

  it('that has sent half a head and has had no answer ends after requestTimeout at most', (t) => {
    const half = (socket) => Object.assign(socket, { bytesWritten: 0 });
    const servers = [{ keepAliveTimeout: 20_000, requestTimeout: 3_000 }];
    within(endOf(t, half, { servers }), 2_990, 4_100);
    within(endOf(t, half, { servers: [{ ...servers[0], requestTimeout: 0 }] }), 19_990, 24_100);
  });

  it('counts what was sent inside TLS, not the handshake', (t) => {
    const secured = (socket, connections) => {
      connections.secured.set(socket, Object.assign(new FakeSocket(), { bytesRead: 0, bytesWritten: 0 }));
    };
    within(endOf(t, secured, { servers: [{ ...SERVER, keepAliveTimeout: 30_000 }] }), 4_990, 6_100);
  });
});

describe('a connection with a request', () => {
  const answering = (own, ofSocket) => (socket, connections) => {
    Object.assign(socket, ofSocket);
    const response = responseOn(socket, own);
    connections.requests.unfinished = () => [response];
  };

  it('stays as long as the application takes', (t) => {
    assert.equal(endOf(t, answering()), undefined);
  });

  it('ends after the linger when the client does not read its answer', (t) => {
    within(endOf(t, answering({ writableLength: 10 })), 4_990, 6_100);
    within(endOf(t, answering({}, { writableLength: 10 })), 4_990, 6_100);
    within(
      endOf(t, answering({}, { _handle: { bytesRead: 100, bytesWritten: 100, writeQueueSize: 10 } })),
      4_990,
      6_100,
    );
  });

  it('ends after the linger when the client does not send the rest of its request', (t) => {
    within(endOf(t, answering({ req: { complete: false } })), 4_990, 6_100);
  });

  it('stays when it is the application that does not read the request', (t) => {
    assert.equal(endOf(t, answering({ req: { complete: false, readableLength: 1_000 } })), undefined);
  });

  it('is idle once its answer is finished, or the application has ended the connection', (t) => {
    within(endOf(t, answering({ writableFinished: true })), 4_990, 6_100);
    within(endOf(t, answering({}, { writableEnded: true })), 4_990, 6_100);
  });

  it('ends after the linger when an upload whose answer is sent does not come', (t) => {
    const reading = (socket, connections) => connections.last.reading.add({ socket });
    within(endOf(t, reading), 4_990, 6_100);
  });

  it('stays for a WebSocket, which the application closes', (t) => {
    assert.equal(
      endOf(t, (socket, connections) => connections.upgrades.sockets.push(socket)),
      undefined,
    );
  });

  it('stays while one of its requests is the application’s, whatever the others wait for', (t) => {
    const both = (socket, connections) => {
      const all = [responseOn(socket), responseOn(socket, { writableLength: 10 })];
      connections.requests.unfinished = () => all;
    };
    assert.equal(endOf(t, both), undefined);
  });
});

describe('a stream of http2', () => {
  const stream = (own) => (socket, connections) => {
    const session = { close() {} };
    connections.sessions.set(session, socket);
    const known = { headersSent: false, state: { remoteClose: 0 }, writableLength: 0 };
    connections.requests.streams.push({ session, readableLength: 0, readableHighWaterMark: 1_000, ...known, ...own });
  };

  it('stays when the whole request is there, or the answer has begun', (t) => {
    assert.equal(endOf(t, stream({ state: { remoteClose: 1 } })), undefined);
    assert.equal(endOf(t, stream({ headersSent: true })), undefined);
  });

  it('ends with the linger when the client sends or reads nothing', (t) => {
    within(endOf(t, stream({})), 4_990, 6_100);
    within(endOf(t, stream({ headersSent: true, writableLength: 1 })), 4_990, 6_100);
  });

  it('of a session that has ended changes nothing', (t) => {
    within(
      endOf(t, (_socket, connections) => connections.requests.streams.push({ session: undefined })),
      4_990,
      6_100,
    );
  });
});

it('after the end of the drain nothing is ended any more', (t) => {
  const { connections, ended, time, begin } = create(t);
  connections.open.add(new FakeSocket());
  begin()();
  time.pass(60_000);
  assert.deepEqual(ended, []);
});
