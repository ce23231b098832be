// Connections that speak another protocol: which of them are WebSockets, and when each gets its close frame.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Upgrades } from '../dist/worker/upgrades.js';
import { fakeTime } from './helpers/time.js';

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\n\r\n';
const RESTART = [0x88, 2, 0x03, 0xf4]; // 1012

function socketOf() {
  const socket = { writable: true, written: [], takes: true };
  socket.write = (...args) => {
    socket.written.push(...args);
    return socket.takes;
  };
  return socket;
}

const frames = (socket) => socket.written.filter((piece) => typeof piece !== 'string').map((piece) => [...piece]);

/** A connection that has asked for this protocol, and was answered. */
function opened(upgrades, upgrade = 'websocket', answer = SWITCHING) {
  const socket = socketOf();
  upgrades.add({ headers: upgrade ? { upgrade } : {} }, socket);
  if (answer) socket.write(answer);
  return socket;
}

describe('a close', () => {
  for (const [title, upgrade, answer, isClosed] of [
    ['is sent to a WebSocket', 'websocket', SWITCHING, true],
    ['is sent to one that spells its protocol otherwise', 'WebSocket', SWITCHING, true],
    ['is sent where the head comes as bytes', 'websocket', Buffer.from(SWITCHING), true],
    ['is not sent to a client whose handshake was refused', 'websocket', 'HTTP/1.1 403 Forbidden\r\n\r\n', false],
    ['is not sent to one that has no answer yet', 'websocket', null, false],
    ['is not sent to another protocol', 'h2c', SWITCHING, false],
    ['is not sent through a tunnel of CONNECT', null, SWITCHING, false],
  ]) {
    it(title, (t) => {
      const time = fakeTime(t);
      const upgrades = new Upgrades();
      const socket = opened(upgrades, upgrade, answer);
      time.pass();
      upgrades.close(1012);
      assert.deepEqual(
        frames(socket).filter(([first]) => first === 0x88),
        isClosed ? [RESTART] : [],
      );
    });
  }

  it('says the code that it is given', (t) => {
    const time = fakeTime(t);
    const upgrades = new Upgrades();
    const socket = opened(upgrades);
    time.pass();
    upgrades.close(1001);
    assert.deepEqual(frames(socket), [[0x88, 2, 0x03, 0xe9]]);
  });

  it('is not written to a connection that takes no more', (t) => {
    const time = fakeTime(t);
    const upgrades = new Upgrades();
    const socket = opened(upgrades);
    time.pass();
    socket.writable = false;
    upgrades.close(1012);
    assert.deepEqual(frames(socket), []);
  });

  it('follows the handshake of a WebSocket that is opened later, in a later loop turn', (t) => {
    const time = fakeTime(t);
    const upgrades = new Upgrades();
    const waiting = opened(upgrades, 'websocket', null);
    upgrades.close(1012);
    waiting.write(SWITCHING);
    assert.deepEqual(waiting.written, [SWITCHING]);
    time.pass();
    assert.deepEqual(frames(waiting), [RESTART]);
  });

  it('is one frame where the handshake is answered in the loop turn of the close', (t) => {
    const time = fakeTime(t);
    const upgrades = new Upgrades();
    const socket = opened(upgrades);
    upgrades.close(1012);
    time.pass(1_000);
    assert.deepEqual(frames(socket), [RESTART]);
  });

  it('does not follow a handshake when nothing is closed', (t) => {
    const time = fakeTime(t);
    const socket = opened(new Upgrades());
    time.pass(5_000);
    assert.deepEqual([frames(socket), time.left], [[], 0]);
  });

  it('does not follow an answer of a connection that was given up before', (t) => {
    const time = fakeTime(t);
    const upgrades = new Upgrades();
    const socket = opened(upgrades, 'websocket', null);
    upgrades.close(1012);
    upgrades.delete(socket);
    socket.write(SWITCHING);
    time.pass(1_000);
    assert.deepEqual(frames(socket), []);
  });
});

describe('many closes', () => {
  for (const [count, step] of [
    [40, 2],
    [41, 3],
    [5, 1],
  ]) {
    it(`of ${count} WebSockets go out ${step} each 50 ms, in the order in which they came`, (t) => {
      const time = fakeTime(t);
      const upgrades = new Upgrades();
      const sockets = Array.from({ length: count }, () => opened(upgrades));
      time.pass();
      const closed = () => sockets.map((socket) => frames(socket).length);
      const expected = (n) => sockets.map((_, i) => (i < n ? 1 : 0));
      upgrades.close(1012);
      for (let sent = step; sent < count; sent += step) {
        assert.deepEqual(closed(), expected(sent));
        time.pass(49);
        assert.deepEqual(closed(), expected(sent));
        time.pass(1);
      }
      assert.deepEqual([closed(), time.left], [expected(count), 0]);
      assert.ok(time.now <= 1_001_000, 'all within a second');
    });
  }
});

it('what an application writes arrives as it was, with the answer of the socket', () => {
  const upgrades = new Upgrades();
  const socket = socketOf();
  const { write } = socket;
  upgrades.add({ headers: { upgrade: 'websocket' } }, socket);
  socket.takes = false;
  const done = () => {};
  assert.equal(socket.write(SWITCHING, 'latin1', done), false);
  assert.deepEqual(socket.written, [SWITCHING, 'latin1', done]);
  assert.equal(socket.write, write, 'only the first write is looked at');
});

it('those that are open are listed until they are deleted', () => {
  const upgrades = new Upgrades();
  const [first, second] = [opened(upgrades), opened(upgrades, 'h2c')];
  assert.deepEqual([...upgrades.sockets], [first, second]);
  upgrades.delete(first);
  assert.deepEqual([...upgrades.sockets], [second]);
});
