// What a server of a worker does with a connection, as net.Server would, and the servers that are made or adopted.

import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import http from 'node:http';
import net, { BlockList } from 'node:net';
import { describe, it } from 'node:test';
import { AdoptedServers } from '../dist/worker/adopted-servers.js';
import { MadeServers } from '../dist/worker/made-servers.js';
import { createServers, entrancesOf, setTimeouts } from '../dist/worker/servers.js';

const LOCATION = {
  url: 'http://127.0.0.1:80',
  address: { address: '127.0.0.1', port: 80, family: 'IPv4' },
  backlog: 33,
};

class FakeSocket extends EventEmitter {
  destroyed = false;
  remoteAddress = '192.0.2.1';
  remoteFamily = 'IPv4';
  remotePort = 4711;
  localAddress = '192.0.2.2';
  localPort = 80;
  localFamily = 'IPv4';

  destroy() {
    this.destroyed = true;
  }
}

/** A server, and what it says of one connection more. */
function connect(prepare = () => {}, own = {}) {
  const server = new net.Server();
  const events = [];
  for (const event of ['connection', 'drop']) server.on(event, (what) => events.push([event, what]));
  prepare(server);
  const [entrance] = entrancesOf(server, LOCATION, [7], true);
  const socket = Object.assign(new FakeSocket(), own);
  entrance.connect(socket);
  return { server, socket, events };
}

describe('a connection', () => {
  it('is counted, belongs to the server, and is announced', () => {
    const { server, socket, events } = connect();
    assert.deepEqual(events, [['connection', socket]]);
    assert.equal(server._connections, 1);
    assert.equal(socket.server, server);
    assert.equal(socket.destroyed, false);
  });

  it('above `maxConnections` is dropped with its addresses', () => {
    const { server, socket, events } = connect((own) => Object.assign(own, { maxConnections: 1, _connections: 1 }));
    assert.equal(socket.destroyed, true);
    assert.equal(server._connections, 1);
    const addresses = { remoteAddress: '192.0.2.1', remotePort: 4711, remoteFamily: 'IPv4' };
    assert.deepEqual(events, [
      ['drop', { localAddress: '192.0.2.2', localPort: 80, localFamily: 'IPv4', ...addresses }],
    ]);
    assert.equal(connect((own) => Object.assign(own, { maxConnections: 2, _connections: 1 })).socket.destroyed, false);
  });

  it('over a UNIX socket is dropped without addresses', () => {
    const full = (own) => Object.assign(own, { maxConnections: 1, _connections: 1 });
    assert.deepEqual(connect(full, { remoteAddress: undefined }).events, [['drop', undefined]]);
  });

  it('from an address of the block list is destroyed, and nothing is said', () => {
    const blockList = new BlockList();
    blockList.addAddress('192.0.2.1');
    blockList.addAddress('2001:db8::1', 'ipv6');
    const block = (own) => Object.assign(own, { blockList });
    const { socket, events, server } = connect(block);
    assert.deepEqual([socket.destroyed, events, server._connections], [true, [], 0]);
    const six = { remoteAddress: '2001:db8::1', remoteFamily: 'IPv6' };
    assert.equal(connect(block, six).socket.destroyed, true);
    assert.equal(connect(block, { remoteAddress: '192.0.2.3' }).socket.destroyed, false);
    assert.equal(connect(block, { remoteAddress: undefined }).socket.destroyed, false);
  });

  it('is published once on the channel of net.Server', (t) => {
    const published = [];
    const hear = ({ socket }) => published.push(socket);
    subscribe('net.server.socket', hear);
    t.after(() => unsubscribe('net.server.socket', hear));
    const { socket } = connect();
    connect(() => {}, { server: {} });
    assert.deepEqual(published, [socket], 'one that had a server was published before');
  });
});

it('an entrance has the descriptor, and what its location says', () => {
  const server = new net.Server();
  const [first, second] = entrancesOf(server, { ...LOCATION, reuse: true, sticky: true }, [7, 8], false);
  assert.deepEqual(
    [first.fd, second.fd, first.backlog, first.isHttp, first.isReused, first.isSticky],
    [7, 8, 33, false, true, true],
  );
  const [bare] = entrancesOf(server, undefined, [9], true);
  assert.deepEqual([bare.backlog, bare.isHttp, bare.isReused, bare.isSticky], [511, true, false, false]);
});

it('timeouts are set where an option says so, 0 among them, and stay Node’s own otherwise', () => {
  const server = http.createServer();
  const { keepAliveTimeout, timeout } = server;
  setTimeouts(server, {});
  assert.deepEqual([server.keepAliveTimeout, server.timeout], [keepAliveTimeout, timeout]);
  setTimeouts(server, { keepAliveTimeout: 0, inactivityTimeout: 70 });
  assert.deepEqual([server.keepAliveTimeout, server.timeout], [0, 70]);
});

it('`createServer` gets the listener and the location without what is private, and its server is used', () => {
  const listener = () => {};
  const own = http.createServer();
  const calls = [];
  const createServer = (...args) => {
    calls.push(args);
    return own;
  };
  const servers = createServers([{ ...LOCATION, asked: LOCATION, secrets: { key: 'k' } }], listener, { createServer });
  assert.deepEqual(servers, [own]);
  assert.deepEqual(calls, [[listener, LOCATION]]);
});

describe('a client certificate that nobody has signed', () => {
  const IMPOSTOR = { authorized: false, getPeerCertificate: () => ({ subject: {} }) };
  const ANONYMOUS = { authorized: false, getPeerCertificate: () => ({}) };
  const KNOWN = { authorized: true, getPeerCertificate: () => ({ subject: {} }) };

  /** Which of these sockets a server destroys before the application sees them. */
  function turnedAway(tls, secrets = {}) {
    const server = http.createServer();
    const seen = [];
    server.on('secureConnection', ({ destroyed }) => seen.push(destroyed === true));
    createServers([{ ...LOCATION, tls, secrets }], () => {}, { createServer: () => server });
    for (const socket of [IMPOSTOR, ANONYMOUS, KNOWN])
      server.emit('secureConnection', {
        ...socket,
        destroy() {
          this.destroyed = true;
        },
      });
    return seen;
  }

  it('is turned away with `verify=0x01`, before the application, and no certificate at all is not', () => {
    assert.deepEqual(turnedAway({ verify: 1 }), [true, false, false]);
  });

  it('is left to Node with 0x03, is of no interest with 0x00, and there is none without TLS', () => {
    for (const verify of [0, 3]) assert.deepEqual(turnedAway({ verify }), [false, false, false]);
    assert.deepEqual(turnedAway(undefined), [false, false, false]);
    assert.deepEqual(turnedAway({ verify: 1 }, undefined).length, 3);
  });
});

it('`maxConnections: 0` is a limit from Node 21 on, and none before', () => {
  const isLimit = Number.parseInt(process.versions.node, 10) >= 21;
  for (const [maxConnections, isDropped] of [
    [0, isLimit],
    [undefined, false],
    [5, false],
  ])
    assert.equal(connect((own) => Object.assign(own, { maxConnections })).socket.destroyed, isDropped);
});

describe('servers that are made', () => {
  const make = (count) =>
    new MadeServers(
      Array.from({ length: count }, () => LOCATION),
      () => {},
      {},
      undefined,
    );

  it('look like servers that listen, and tell whose entrances were closed', () => {
    const made = make(2);
    const closed = [];
    const entrances = made.open([[5], [6, 7]], (own) => closed.push(own));
    assert.deepEqual(
      entrances.map((own) => own.map(({ fd }) => fd)),
      [[5], [6, 7]],
    );
    assert.deepEqual(
      made.all.map((server) => [server.listening, server.address()]),
      [
        [true, LOCATION.address],
        [true, LOCATION.address],
      ],
    );
    assert.equal(made.areClosed, false);
    made.all[1].close();
    assert.deepEqual(closed, [entrances[1]]);
    assert.equal(made.areClosed, false);
    made.all[0].close();
    assert.deepEqual(closed, [entrances[1], entrances[0]]);
    assert.equal(made.areClosed, true);
  });

  it('are none without a listener, and none is closed then', () => {
    const none = new MadeServers([LOCATION], undefined, {}, undefined);
    assert.deepEqual([none.all, none.areClosed, none.open([[5]], () => {})], [[], false, []]);
  });
});

describe('a server that the application has made', () => {
  function create(settings = {}) {
    const watched = [];
    const connections = { watch: (server) => watched.push(server), watchPlain: (server) => watched.push(server) };
    return { watched, adopted: new AdoptedServers(connections, settings, undefined) };
  }
  const PLACES = [
    { location: LOCATION, fds: [5] },
    { location: LOCATION, fds: [6] },
  ];

  it('has an entrance at each place until it is closed, and is prepared once', () => {
    const { watched, adopted } = create({ keepAliveTimeout: 77 });
    const server = http.createServer();
    const own = adopted.add(server, PLACES, true);
    assert.deepEqual(
      own.flat().map(({ fd, isHttp }) => [fd, isHttp]),
      [
        [5, true],
        [6, true],
      ],
    );
    assert.deepEqual([...adopted.entrances], own);
    adopted.remove(own);
    assert.equal(adopted.entrances.size, 0);
    adopted.add(server, PLACES.slice(0, 1), true);
    assert.deepEqual([watched, adopted.all, server.keepAliveTimeout], [[server], [server], 77]);
  });

  it('is not closed by a drain when it knows no requests', () => {
    const { watched, adopted } = create();
    const server = net.createServer();
    adopted.add(server, PLACES, false);
    assert.deepEqual([watched, adopted.all], [[server], []]);
  });
});
