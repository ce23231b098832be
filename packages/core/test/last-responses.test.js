// The last response of a connection: what it says, when its connection ends, and which requests are still executed.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { LastResponses } from '../dist/worker/last-responses.js';

const LONGEST = 2_000;

class FakeSocket extends EventEmitter {
  destroyed = false;
  writableFinished = false;
  isEnded = false;

  end() {
    this.isEnded = true;
  }

  /** All of the answer has been sent. */
  flush() {
    this.writableFinished = true;
    this.emit('finish');
  }

  destroy() {
    this.destroyed = true;
    this.emit('close');
  }
}

class FakeRequest extends EventEmitter {
  complete = true;
  isResumed = false;

  constructor(socket) {
    super();
    this.socket = socket;
  }

  resume() {
    this.isResumed = true;
  }
}

class FakeResponse extends EventEmitter {
  shouldKeepAlive = true;
  headersSent = false;
  headers = new Map();
  written;

  constructor(socket) {
    super();
    this.req = new FakeRequest(socket);
  }

  hasHeader(name) {
    return this.headers.has(name);
  }

  setHeader(name, value) {
    this.headers.set(name.toLowerCase(), value);
  }

  removeHeader(name) {
    this.headers.delete(name);
  }

  writeHead(...args) {
    this.headersSent = true;
    this.written = args;
    return this;
  }

  finish() {
    this.emit('finish');
  }
}

function create() {
  const last = new LastResponses();
  const socket = new FakeSocket();
  return { last, socket, next: () => new FakeResponse(socket) };
}

describe('a request on a connection that ends', () => {
  it('is executed, and its response is the last one', () => {
    const { last, next } = create();
    const response = next();
    assert.equal(last.mark(response), true);
    assert.equal(response.shouldKeepAlive, false);
  });

  it('takes the place of the one before it, which gets back what Node had decided', () => {
    const { last, next } = create();
    const [first, second] = [next(), next()];
    last.mark(first);
    assert.equal(last.mark(second), true);
    assert.deepEqual([first.shouldKeepAlive, second.shouldKeepAlive], [true, false]);
    const third = next();
    third.shouldKeepAlive = false;
    const fourth = next();
    last.mark(third);
    last.mark(fourth);
    assert.equal(third.shouldKeepAlive, false, 'Node had decided so');
  });

  it('is not executed, and its body is dropped, when the client was told that no answer follows', () => {
    const { last, next } = create();
    const [first, second] = [next(), next()];
    last.mark(first);
    first.writeHead(200);
    assert.equal(last.mark(second), false);
    assert.equal(second.req.isResumed, true);
    assert.equal(second.shouldKeepAlive, true);
  });

  it('is executed after a response that was replaced before it said so', () => {
    const { last, next } = create();
    const [first, second, third] = [next(), next(), next()];
    last.mark(first);
    last.mark(second);
    first.writeHead(200);
    assert.equal(last.mark(third), true);
  });
});

describe('the last response', () => {
  const written = (prepare, ...args) => {
    const { last, next } = create();
    const response = next();
    prepare(response);
    last.mark(response);
    assert.equal(response.writeHead(...args), response);
    return { args: response.written, headers: Object.fromEntries(response.headers) };
  };

  it('says close where the application has set the header, and nothing of keep-alive', () => {
    const set = (response) => {
      response.setHeader('Connection', 'keep-alive');
      response.setHeader('Keep-Alive', 'timeout=5');
      response.setHeader('X-Own', 'yes');
    };
    assert.deepEqual(written(set, 200).headers, { connection: 'close', 'x-own': 'yes' });
    assert.deepEqual(written(() => {}, 200).headers, {}, 'Node adds its own');
  });

  for (const [form, given, left] of [
    ['an object', { Connection: 'keep-alive', 'keep-alive': 'timeout=5', 'X-Own': 1 }, { 'X-Own': 1 }],
    ['one list', ['CONNECTION', 'keep-alive', 'X-Own', '1', 'Keep-Alive', 'x'], ['X-Own', '1']],
    [
      'a list of pairs',
      [
        ['connection', 'keep-alive'],
        ['X-Own', '1'],
      ],
      [['X-Own', '1']],
    ],
    ['an empty list', [], []],
  ]) {
    it(`drops both headers from ${form} that writeHead gets, with a text before it or without`, () => {
      assert.deepEqual(written(() => {}, 200, given).args, [200, left]);
      assert.deepEqual(written(() => {}, 200, 'OK', given).args, [200, 'OK', left]);
    });
  }

  it('leaves 101 as it is', () => {
    const headers = { Connection: 'Upgrade' };
    const set = (response) => response.setHeader('Connection', 'Upgrade');
    assert.deepEqual(written(set, 101, headers), { args: [101, headers], headers: { connection: 'Upgrade' } });
  });

  it('leaves the headers of a response as they are that was replaced by a later one', () => {
    const { last, next } = create();
    const [first, second] = [next(), next()];
    last.mark(first);
    last.mark(second);
    first.setHeader('Connection', 'keep-alive');
    first.writeHead(200, { Connection: 'keep-alive' });
    assert.deepEqual(first.written, [200, { Connection: 'keep-alive' }]);
    assert.equal(first.headers.get('connection'), 'keep-alive');
  });
});

describe('the connection', () => {
  it('ends when the last response is finished, and no earlier one ends it', () => {
    const { last, socket, next } = create();
    const [first, second] = [next(), next()];
    last.mark(first);
    last.mark(second);
    first.finish();
    assert.equal(socket.isEnded, false);
    second.finish();
    assert.equal(socket.isEnded, true);
  });

  it('is not destroyed by Node, which would reset it, but ends in its own time', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { last, socket, next } = create();
    const response = next();
    last.mark(response);
    socket.destroySoon();
    assert.deepEqual([socket.isEnded, socket.destroyed], [true, false]);
    assert.equal(response.req.isResumed, true, 'the rest of the upload is read');
    t.mock.timers.tick(60_000);
    assert.equal(socket.destroyed, false, 'a client may read slowly');
    socket.flush();
    t.mock.timers.tick(LONGEST - 1);
    assert.equal(socket.destroyed, false);
    t.mock.timers.tick(1);
    assert.equal(socket.destroyed, true);
  });

  it('has no timer left when the client closes it first', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { last, socket, next } = create();
    last.mark(next());
    socket.destroySoon();
    socket.flush();
    let destroyed = 0;
    socket.emit('close');
    socket.destroy = () => {
      destroyed += 1;
    };
    t.mock.timers.tick(LONGEST);
    assert.equal(destroyed, 0);
  });

  it('waits for an application that reads the upload on, and counts two seconds from its end', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    for (const event of ['data', 'readable']) {
      const { last, socket, next } = create();
      const response = next();
      response.req.complete = false;
      response.req.on(event, () => {});
      last.mark(response);
      response.finish();
      socket.flush();
      assert.deepEqual([...last.reading], [response.req]);
      assert.equal(response.req.isResumed, false, 'the application reads');
      t.mock.timers.tick(LONGEST);
      assert.equal(socket.destroyed, false);
      response.req.emit('close');
      assert.deepEqual([...last.reading], []);
      t.mock.timers.tick(LONGEST);
      assert.equal(socket.destroyed, true);
    }
  });

  it('is ended once, and a destroyed one not at all', () => {
    const { last, socket, next } = create();
    let ends = 0;
    socket.end = () => {
      ends += 1;
    };
    const response = next();
    last.mark(response);
    response.finish();
    socket.destroySoon();
    assert.equal(ends, 1);

    const other = create();
    const late = other.next();
    other.last.mark(late);
    other.socket.destroyed = true;
    late.finish();
    assert.equal(other.socket.isEnded, false);
  });

  it('goes on with another protocol, unless the end was announced', () => {
    const { last, socket, next } = create();
    const response = next();
    last.mark(response);
    last.forget(socket);
    assert.equal(response.shouldKeepAlive, true);
    response.finish();
    assert.equal(socket.isEnded, false);

    const other = create();
    const told = other.next();
    other.last.mark(told);
    told.writeHead(200);
    other.last.forget(other.socket);
    told.finish();
    assert.equal(other.socket.isEnded, true);
    other.last.forget(new FakeSocket());
  });
});
