// What `listen` takes: every form of http.Server#listen, and listen locations.

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { parseListen } from '../dist/locations.js';
import { resolveOptions } from '../dist/options.js';

const PEM = 'cert=%2Fa.pem&key=%2Fb.pem';

beforeEach(() => {
  delete process.env.PORT;
});

function parse(...args) {
  return parseListen(args, resolveOptions()).locations;
}

/** The fields of the first location that a row of a table is about. */
function pick(locations, expected) {
  return Object.fromEntries(Object.keys(expected).map((name) => [name, locations[0][name]]));
}

const FORMS = [
  ['a port', [8080], { port: 8080, host: undefined, path: undefined, backlog: 511, url: 'http://*:8080' }],
  ['port 0', [0], { port: 0, url: 'http://*:0' }],
  ['a port as a string', ['8080'], { port: 8080, path: undefined }],
  ['port and host', [8080, 'localhost'], { port: 8080, host: 'localhost', url: 'http://localhost:8080' }],
  ['an IPv6 host', [8080, '::1'], { host: '::1', url: 'http://[::1]:8080' }],
  ['an empty host', [8080, ''], { host: undefined, url: 'http://*:8080' }],
  ['port, host and backlog', [8080, '127.0.0.1', 64], { port: 8080, host: '127.0.0.1', backlog: 64 }],
  ['port and backlog', [8080, 64], { port: 8080, host: undefined, backlog: 64 }],
  ['port, nothing and backlog', [8080, undefined, 64], { host: undefined, backlog: 64 }],
  ['a backlog that means the default', [8080, 'localhost', 0], { backlog: 511 }],
  ['a path', ['/tmp/app.sock'], { path: '/tmp/app.sock', port: undefined, url: 'http+unix://%2Ftmp%2Fapp.sock' }],
  ['a relative path', ['app.sock'], { path: 'app.sock' }],
  ['path and backlog', ['/tmp/app.sock', 64], { path: '/tmp/app.sock', backlog: 64 }],
  ['an object with port', [{ port: 8080 }], { port: 8080, host: undefined, ipv6Only: false }],
  ['an object with port and host', [{ port: '8080', host: '::1' }], { port: 8080, host: '::1' }],
  ['an object with path', [{ path: '/tmp/app.sock', backlog: 9 }], { path: '/tmp/app.sock', backlog: 9 }],
  ['an object with ipv6Only', [{ port: 8080, host: '::', ipv6Only: true }], { host: '::', ipv6Only: true }],
  ['an object with path and port', [{ port: 1, path: '/tmp/app.sock' }], { path: '/tmp/app.sock', port: undefined }],
  ['a location', ['http://*:8080'], { protocol: 'http', port: 8080, host: undefined, url: 'http://*:8080' }],
  ['a location with host', ['http://127.0.0.1:8080'], { host: '127.0.0.1', port: 8080 }],
  ['a location with IPv6', ['http://[::1]:8080'], { host: '::1', url: 'http://[::1]:8080' }],
  ['a location with a slash', ['http://*:8080/'], { port: 8080, url: 'http://*:8080' }],
  ['a location without port', ['http://localhost'], { port: 80 }],
  ['an https location', [`https://*:8443?${PEM}`], { protocol: 'https', tls: { cert: '/a.pem', key: '/b.pem' } }],
  ['an https location without port', [`https://localhost?${PEM}`], { port: 443 }],
  [
    'CA and ciphers',
    [`https://*:1?${PEM}&ca=%2Fc.pem&ciphers=AES128-SHA`],
    { tls: { cert: '/a.pem', key: '/b.pem', ca: '/c.pem', ciphers: 'AES128-SHA' }, url: 'https://*:1' },
  ],
  [
    'verify, as OpenSSL writes it, and version, as the seed writes it',
    [`https://*:1?${PEM}&verify=0x01&version=TLSv1_3`],
    { tls: { cert: '/a.pem', key: '/b.pem', verify: 1, version: 'TLSv1.3' } },
  ],
  [
    'certificates by name',
    [`https://*:1?${PEM}&A.example_cert=%2F1.pem&a.example_key=%2F2.pem&*.example_cert=3&*.example_key=4`],
    {
      tls: {
        cert: '/a.pem',
        key: '/b.pem',
        names: { 'a.example': { cert: '/1.pem', key: '/2.pem' }, '*.example': { cert: '3', key: '4' } },
      },
    },
  ],
  [
    'a UNIX location',
    ['http+unix://%2Ftmp%2Fapp.sock'],
    { protocol: 'http', path: '/tmp/app.sock', port: undefined, url: 'http+unix://%2Ftmp%2Fapp.sock' },
  ],
  ['a UNIX location with mode', ['http+unix://%2Ftmp%2Fapp.sock?mode=660'], { mode: 0o660 }],
  ['a UNIX location with capitals', ['http+unix://%2FTmp%2FApp.sock'], { path: '/Tmp/App.sock' }],
  ['TLS on a UNIX socket', [`https+unix://%2Fa?${PEM}`], { protocol: 'https', path: '/a' }],
  ['a location with backlog', ['http://*:8080?backlog=64'], { backlog: 64 }],
  ['a location with a descriptor', ['http://*:8080?fd=3'], { fd: 3 }],
  ['a location with a socket for each worker', ['http://*:8080?reuse=1'], { port: 8080, reuse: true }],
  ['a location with one for all', ['http://*:8080?reuse=0'], { port: 8080, reuse: undefined }],
  ['a location with the name of a socket', ['http://*:8080?fd=app.socket'], { fd: 'app.socket' }],
  ['a location in an array', [['http://*:8080']], { port: 8080 }],
];

for (const [what, args, expected] of FORMS) {
  it(`${what} is a location`, () => {
    const locations = parse(...args);
    assert.equal(locations.length, 1);
    assert.deepEqual(pick(locations, expected), expected);
    assert.deepEqual(
      parse(...args, () => {}),
      locations,
      'a callback changes nothing',
    );
  });
}

it('several locations keep their order', () => {
  const locations = parse(['http://*:8080', `https://*:8443?${PEM}`, 'http+unix://%2Ftmp%2Fapp.sock']);
  assert.deepEqual(
    locations.map(({ port, path }) => port ?? path),
    [8080, 8443, '/tmp/app.sock'],
  );
});

it('several at one host with a port of the kernel are numbered, so that each finds its socket in an upgrade', () => {
  const locations = parse([
    'http://127.0.0.1:0',
    `https://127.0.0.1:0?${PEM}`,
    'http://127.0.0.2:0',
    'http://127.0.0.1:80',
    'http://127.0.0.1:0',
  ]);
  assert.deepEqual(
    locations.map(({ nth }) => nth),
    [undefined, 1, undefined, undefined, 2],
  );
});

it('without any, the option `listen` counts, and `backlog` for all that have none', () => {
  const settings = resolveOptions({ listen: ['http://*:1?backlog=3', 'http://*:2'], backlog: 64 });
  for (const args of [[], [undefined], [null], [() => {}]]) {
    const { locations } = parseListen(args, settings);
    assert.deepEqual(
      locations.map(({ port, backlog }) => [port, backlog]),
      [
        [1, 3],
        [2, 64],
      ],
    );
  }
  assert.equal(parse()[0].url, 'http://*:3000');
});

it('the callback is the last argument, whatever comes before', () => {
  const callback = () => {};
  for (const args of [[], [8080], [8080, 'localhost'], [8080, 'localhost', 64], ['/tmp/a'], [{ port: 1 }]]) {
    assert.equal(parseListen([...args, callback], resolveOptions()).callback, callback);
    assert.equal(parseListen(args, resolveOptions()).callback, undefined);
  }
});

describe('a mistake is named, with its value:', () => {
  const table = [
    [[-1], 'RangeError', /`port` .*`-1`/],
    [[65_536], 'RangeError', /`port` .*`65536`/],
    [['65536'], 'RangeError', /`port` .*`65536`/],
    [[80.5], 'RangeError', /`port` .*`80.5`/],
    [[Number.NaN], 'RangeError', /`port` .*`NaN`/],
    [[true], 'TypeError', /`port` .*`true`/],
    [[{ port: true }], 'TypeError', /`port` .*`true`/],
    [[{}], 'TypeError', /`port` or `path`/],
    [[{ host: 'localhost' }], 'TypeError', /`port` or `path`/],
    [[{ port: 1, host: 5 }], 'TypeError', /`host` .*`5`/],
    [[{ path: '' }], 'TypeError', /`path` .*``/],
    [[{ path: 5 }], 'TypeError', /`path` .*`5`/],
    [[{ port: 1, backlog: '5' }], 'TypeError', /`backlog` .*`5`/],
    [[''], 'TypeError', /`path` .*``/],
    [[[]], 'RangeError', /at least one listen location/],
    [[[3000]], 'TypeError', /a listen location .*`3000`/],
    [[['8080']], 'RangeError', /Invalid listen location `8080`/],
    [['http://'], 'RangeError', /Invalid listen location `http:\/\/`/],
    [['http://*:65536'], 'RangeError', /Invalid listen location/],
    [['ftp://*:21'], 'RangeError', /`ftp:\/\/\*:21`: expected http:\/\/, https:\/\/ or http\+unix:\/\//],
    [['http+unix://'], 'RangeError', /Invalid listen location/],
    [['http://*:8080/app'], 'RangeError', /a path has no place here/],
    [['http://*:8080?baklog=5'], 'RangeError', /unknown parameter `baklog`, expected one of backlog/],
    [['http://*:8080?backlog=0'], 'RangeError', /`backlog` cannot be `0`/],
    [['http://*:8080?reuse=yes'], 'RangeError', /`reuse` cannot be `yes`/],
    [['http://*:8080?reuse=1&fd=3'], 'RangeError', /`http:\/\/\*:8080\?reuse=1&fd=3`: `reuse` needs .* `fd`/],
    [['http+unix://%2Fa?reuse=1'], 'RangeError', /`reuse` needs an address and a port, a UNIX socket/],
    [['http://*:8080?fd=-1'], 'RangeError', /`fd` cannot be `-1`/],
    [['http://*:8080?fd='], 'RangeError', /`fd` cannot be ``/],
    [['http://*:8080?fd=web:admin'], 'RangeError', /`fd` cannot be `web:admin`/],
    [['http+unix://%2Fa?mode=999'], 'RangeError', /`mode` cannot be `999`/],
    [['https://*:8443'], 'RangeError', /https needs `cert` and `key`/],
    [['https://*:8443?cert=%2Fa.pem'], 'RangeError', /https needs `cert` and `key`/],
    [[`http://*:8443?${PEM}`], 'RangeError', /certificates belong to https/],
  ];
  for (const [args, name, message] of table) {
    it(`${JSON.stringify(args)} is a ${name}`, () => {
      assert.throws(() => parse(...args), { name, message });
    });
  }

  it('credentials and fragments have no place in a location', () => {
    for (const location of ['http://user:secret@*:8080', 'http://*:8080#fragment']) {
      assert.throws(() => parse(location), { name: 'RangeError', message: /Invalid listen location/ });
    }
  });

  it('a path that is no proper escape is an invalid location', () => {
    assert.throws(() => parse('http+unix://%2Ftmp%zz'), { name: 'RangeError', message: /Invalid listen location/ });
  });

  it('a UNIX location without escapes says what to write', () => {
    assert.throws(() => parse('http+unix:///tmp/app.sock'), { name: 'RangeError', message: /Invalid listen location/ });
  });
});

describe('PORT', () => {
  it('may be passed on as it is', () => {
    process.env.PORT = '8080';
    assert.equal(parse(process.env.PORT)[0].port, 8080);
  });

  for (const value of ['http', '99999', '80.5', '-1']) {
    it(`${value} is refused by its name`, () => {
      process.env.PORT = value;
      assert.throws(() => parse(process.env.PORT), {
        name: 'RangeError',
        message: `Expected the environment variable \`PORT\` to be an integer from 0 to 65535, got \`${value}\``,
      });
    });
  }
});
