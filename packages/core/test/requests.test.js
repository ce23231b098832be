// How many requests are in flight and were served: in a loop turn, after it, behind one another, and as streams of http2.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { Requests } from '../dist/worker/requests.js';
import { fakeTime } from './helpers/time.js';

function create(t, { slow = false } = {}) {
  const time = fakeTime(t);
  const told = [];
  const ended = [];
  const turns = [];
  const statistics = {
    begin: () => performance.now(),
    turnBegan: (at) => turns.push(`began ${at - 1_000_000}`),
    turnEnded: () => turns.push('ended'),
    tell: () => turns.push('told'),
    end(status, begunAt) {
      ended.push([status, performance.now() - begunAt]);
      return performance.now() - begunAt;
    },
  };
  const looks = [];
  const slowRequests = {
    watch: (pending) => Object.assign(looks, { pending }),
    look: (response, duration) => looks.push([response.name, duration]),
  };
  const requests = new Requests(
    (inFlight, served) => told.push([inFlight, served]),
    statistics,
    slow ? slowRequests : undefined,
  );
  return { requests, time, told, ended, turns, looks };
}

let names = 0;

/** A response on this connection; `waits` when another one is before it. */
function responseOn(socket, { waits = false, ...own } = {}) {
  names += 1;
  const response = Object.assign(new EventEmitter(), { name: names, statusCode: 200, socket: waits ? null : socket });
  const state = { writableEnded: false, writableFinished: false, destroyed: false };
  return Object.assign(response, state, { req: { socket, method: 'GET', url: '/' } }, own);
}

const end = (response) => Object.assign(response, { writableEnded: true, writableFinished: true });

function streamOf(status) {
  return Object.assign(new EventEmitter(), { sentHeaders: status && { ':status': status } });
}

describe('a request that is answered in its loop turn', () => {
  it('is told when it begins and when the turn is over, and nobody listens to it', (t) => {
    const { requests, time, told, ended, turns } = create(t);
    const response = responseOn({});
    requests.begin(response);
    assert.deepEqual([told.splice(0), turns.splice(0)], [[[1, 0]], ['began 0']]);
    end(response);
    time.pass();
    assert.deepEqual([told, turns, ended], [[[0, 1]], ['ended'], [[200, 0]]]);
    assert.deepEqual([response.eventNames(), requests.unfinished(), time.left], [[], [], 0]);
  });

  it('is told once with all others of the turn', (t) => {
    const { requests, time, told, ended } = create(t);
    for (let i = 0; i < 3; i++) {
      const response = responseOn({});
      requests.begin(response);
      end(response);
    }
    time.pass();
    assert.deepEqual(told, [
      [1, 0],
      [0, 3],
    ]);
    assert.equal(ended.length, 3);
  });

  it('may be destroyed in place of answered', (t) => {
    const { requests, time, told } = create(t);
    const response = responseOn({});
    requests.begin(response);
    response.destroyed = true;
    time.pass();
    assert.deepEqual([told.at(-1), requests.unfinished()], [[0, 1], []]);
  });

  it('may be dropped in it, and the next one begins another turn', (t) => {
    const { requests, time, told } = create(t);
    const response = responseOn({});
    requests.begin(response);
    requests.drop(response);
    requests.drop(response);
    assert.deepEqual(told, [
      [1, 0],
      [0, 1],
    ]);
    time.pass();
    assert.deepEqual(told.at(-1), [0, 1]);
  });
});

describe('a request that takes longer', () => {
  it('is in flight until it is closed', (t) => {
    const { requests, time, told, ended } = create(t);
    const response = responseOn({});
    requests.begin(response);
    time.pass(70);
    assert.deepEqual([told.at(-1), requests.unfinished()], [[1, 0], [response]]);
    response.statusCode = 404;
    response.emit('close');
    assert.deepEqual([told.at(-1), requests.unfinished(), ended], [[0, 1], [], [[404, 70]]]);
    response.emit('close');
    assert.deepEqual([told.at(-1), ended.length], [[0, 1], 1]);
  });

  it('that ends in the turn of another one is told with it', (t) => {
    const { requests, time, told } = create(t);
    const [first, second] = [responseOn({}), responseOn({})];
    requests.begin(first);
    time.pass();
    requests.begin(second);
    told.length = 0;
    requests.drop(first);
    assert.deepEqual(told, []);
    time.pass();
    assert.deepEqual(told, [[1, 1]]);
  });

  it('are listed in the order in which they began, the one of this turn last', (t) => {
    const { requests, time } = create(t);
    const responses = [responseOn({}), responseOn({}), responseOn({})];
    requests.begin(responses[0]);
    requests.begin(responses[1]);
    time.pass();
    requests.begin(responses[2]);
    assert.deepEqual(requests.unfinished(), responses);
  });

  it('is looked at when it is over, and may be looked at while it waits', (t) => {
    const { requests, time, looks } = create(t, { slow: true });
    const response = responseOn({});
    requests.begin(response);
    time.pass(70);
    assert.deepEqual([...looks.pending()], [[response, 1_000_000]]);
    response.emit('close');
    assert.deepEqual([...looks], [[response.name, 70]]);
  });
});

describe('a request behind another one on its connection', () => {
  const behind = (t) => {
    const all = create(t);
    const socket = new EventEmitter();
    const first = responseOn(socket);
    const rest = [responseOn(socket, { waits: true }), responseOn(socket, { waits: true })];
    for (const response of [first, ...rest]) all.requests.begin(response);
    all.time.pass();
    return { ...all, socket, first, rest };
  };

  it('is over when the connection is closed, though Node says nothing of it', (t) => {
    const { requests, socket, told } = behind(t);
    assert.deepEqual(told.at(-1), [3, 0]);
    socket.emit('close');
    assert.deepEqual([told.at(-1), requests.unfinished().length], [[1, 2], 1]);
    assert.equal(socket.listenerCount('close'), 0);
  });

  it('shares one listener with those beside it', (t) => {
    const { socket } = behind(t);
    assert.equal(socket.listenerCount('close'), 1);
  });

  it('that was answered before is not counted again', (t) => {
    const { socket, rest, told } = behind(t);
    rest[0].emit('close');
    assert.deepEqual(told.at(-1), [2, 1]);
    socket.emit('close');
    assert.deepEqual(told.at(-1), [1, 2]);
  });
});

describe('the newest response of a connection', () => {
  it('is one for each connection that has an unfinished one', (t) => {
    const { requests, time } = create(t);
    const [here, there] = [new EventEmitter(), new EventEmitter()];
    const [first, second, other] = [responseOn(here), responseOn(here), responseOn(there)];
    for (const response of [first, other, second]) requests.begin(response);
    time.pass();
    assert.deepEqual(requests.newest(), [second, other]);
  });

  it('is the one that waits although its handler has ended it: its head goes out later', (t) => {
    const { requests, time } = create(t);
    const socket = new EventEmitter();
    const [first, second] = [responseOn(socket), responseOn(socket, { waits: true, writableEnded: true })];
    requests.begin(first);
    requests.begin(second);
    time.pass();
    assert.deepEqual(requests.unfinished(), [first]);
    assert.deepEqual(requests.newest(), [second]);
    second.writableFinished = true;
    assert.deepEqual(requests.newest(), [first]);
  });

  it('is the one of this turn, whatever waits', (t) => {
    const { requests, time } = create(t);
    const socket = new EventEmitter();
    const [first, second, third] = [responseOn(socket), responseOn(socket, { waits: true }), responseOn(socket)];
    requests.begin(first);
    requests.begin(second);
    time.pass();
    requests.begin(third);
    assert.deepEqual(requests.newest(), [third]);
  });

  it('is not one that is written whole', (t) => {
    const { requests, time } = create(t);
    const socket = new EventEmitter();
    const [first, second] = [responseOn(socket), end(responseOn(socket, { waits: true }))];
    requests.begin(first);
    requests.begin(second);
    time.pass();
    assert.deepEqual(requests.newest(), [first]);
  });
});

describe('a stream of http2', () => {
  for (const [title, status, counted] of [
    ['is counted with its status', 404, 404],
    ['without an answer has status 0', undefined, 0],
  ]) {
    it(title, (t) => {
      const { requests, time, told, ended, turns } = create(t);
      const stream = streamOf(status);
      requests.beginStream(stream);
      assert.deepEqual([told.at(-1), requests.streams, turns], [[1, 0], [stream], ['told']]);
      time.pass(30);
      stream.emit('close');
      assert.deepEqual([told.at(-1), requests.streams, ended], [[0, 1], [], [[counted, 30]]]);
    });
  }
});

describe('a connection without requests', () => {
  it('is one in flight until it ends, and one served', (t) => {
    const { requests, told } = create(t);
    requests.hold();
    requests.hold();
    requests.release();
    assert.deepEqual(told, [
      [1, 0],
      [2, 0],
      [1, 1],
    ]);
  });
});

it('all kinds add up', (t) => {
  const { requests, time, told } = create(t);
  requests.hold();
  requests.beginStream(streamOf(200));
  requests.begin(responseOn({}));
  time.pass();
  requests.begin(responseOn({}));
  assert.deepEqual(told.at(-1), [4, 0]);
});

describe('a request of `Expect`', () => {
  it('is known again once, when the application passes it on', (t) => {
    const { requests } = create(t);
    const response = responseOn({});
    assert.equal(requests.isContinued(response), false);
    requests.expectAgain(response);
    assert.equal(requests.isContinued(responseOn({})), false);
    assert.deepEqual([requests.isContinued(response), requests.isContinued(response)], [true, false]);
  });

  it('is forgotten when it is over', (t) => {
    const { requests, time } = create(t);
    const response = responseOn({});
    requests.expectAgain(response);
    requests.begin(response);
    end(response);
    time.pass();
    assert.equal(requests.isContinued(response), false);
  });
});

describe('what a process that looks in is told', () => {
  it('is the five oldest, without their queries, which may hold secrets', (t) => {
    const { requests, time } = create(t);
    for (let i = 0; i < 7; i++) {
      const req = { socket: {}, method: 'POST', url: `/${i}?token=secret\nmore` };
      requests.begin(responseOn(req.socket, { req }));
      time.pass(10);
    }
    assert.deepEqual(
      requests.describe(),
      [0, 1, 2, 3, 4].map((i) => ({ method: 'POST', path: `/${i}`, age: 70 - 10 * i })),
    );
  });

  it('has the request of this loop turn, which may be the one that never ends', (t) => {
    const { requests, time } = create(t);
    requests.begin(responseOn({}, { req: { socket: {} } }));
    time.suspend(8_000);
    assert.deepEqual(requests.describe(), [{ method: '', path: '', age: 8_000 }]);
  });
});
