// TLS of a listen location: what its parameters mean, what Node's servers get, and the keys of session tickets.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import tls from 'node:tls';
import { isImpostor, isTlsParameter, parseTls, secureOptions } from '../dist/tls.js';
import { shareTickets } from '../dist/worker/tickets.js';

const PEM = 'cert=/c.pem&key=/k.pem';
const parse = (query) => parseTls(new URLSearchParams(query), (why) => new RangeError(why));

describe('the parameters', () => {
  it('are certificate and key at least, and nothing that was not asked for', () => {
    assert.deepEqual(parse(PEM), { cert: '/c.pem', key: '/k.pem' });
    for (const query of ['', 'cert=/c.pem', 'key=/k.pem', 'cert=&key=/k.pem']) {
      assert.throws(() => parse(query), { name: 'RangeError', message: /needs `cert` and `key`/ });
    }
  });

  it('say who signs clients, the ciphers and the version', () => {
    assert.deepEqual(parse(`${PEM}&ca=/ca.pem&ciphers=AES128-SHA&version=TLSv1.3`), {
      cert: '/c.pem',
      key: '/k.pem',
      ca: '/ca.pem',
      ciphers: 'AES128-SHA',
      version: 'TLSv1.3',
    });
    assert.equal(parse(`${PEM}&version=TLSv1_2`).version, 'TLSv1.2', 'as the seed writes it');
    assert.throws(() => parse(`${PEM}&version=SSLv3`), /`version` cannot be `SSLv3`, expected one of TLSv1, TLSv1.1/);
  });

  it('have `verify` in hexadecimal, with the values of the seed only', () => {
    const values = ['0x00', '0x01', '0x03', '0', '1', '3', '00', '03'].map(
      (text) => parse(`${PEM}&verify=${text}`).verify,
    );
    assert.deepEqual(values, [0, 1, 3, 0, 1, 3, 0, 3]);
    for (const text of ['', '2', '0x02', '0x10', '33', 'x3', 'yes']) {
      assert.throws(() => parse(`${PEM}&verify=${text}`), /`verify` cannot be/, text);
    }
  });

  it('name other certificates in pairs, by names in lower case and with a star in front', () => {
    const { names } = parse(`${PEM}&Example.COM_cert=/a&example.com_KEY=/b&*.example.com_cert=/d&*.example.com_key=/e`);
    assert.deepEqual(names, {
      'example.com': { cert: '/a', key: '/b' },
      '*.example.com': { cert: '/d', key: '/e' },
    });
    for (const query of ['a.example_cert=/a', 'a.example_key=/a', 'a.example_cert=/a&a.example_key=']) {
      assert.throws(() => parse(`${PEM}&${query}`), /`a\.example_cert` and `a\.example_key` belong together/, query);
    }
  });

  it('are told from those of a location', () => {
    for (const name of ['ca', 'cert', 'ciphers', 'key', 'verify', 'version', 'a.b_cert', '*.a_key']) {
      assert.ok(isTlsParameter(name), name);
    }
    for (const name of ['mode', 'reuse', '_cert', 'a..b_cert', '*_key', 'a*.b_key', 'certs']) {
      assert.equal(isTlsParameter(name), false, name);
    }
  });
});

describe('a server of TLS', () => {
  const SECRETS = { cert: 'own cert', key: 'own key' };

  it('asks no client for a certificate, and with `ca` each one', () => {
    const asks = (files, secrets = SECRETS) => {
      const { requestCert, rejectUnauthorized } = secureOptions(files, secrets);
      return [requestCert, rejectUnauthorized];
    };
    assert.deepEqual(asks({}), [false, false]);
    assert.deepEqual(asks({ ca: '/ca.pem' }, { ...SECRETS, ca: 'ca' }), [true, true]);
    for (const [verify, expected] of [
      [0, [false, false]],
      [1, [true, false]],
      [3, [true, true]],
    ]) {
      assert.deepEqual(asks({ verify, ca: '/ca.pem' }), expected, `verify is ${verify}`);
    }
  });

  it('gets what the location says, and nothing else', () => {
    assert.deepEqual(secureOptions({}, SECRETS), { ...SECRETS, requestCert: false, rejectUnauthorized: false });
    const files = { ca: '/ca.pem', ciphers: 'AES128-SHA', version: 'TLSv1.2', verify: 0 };
    assert.deepEqual(secureOptions(files, { ...SECRETS, ca: 'the ca' }), {
      ...SECRETS,
      ca: 'the ca',
      ciphers: 'AES128-SHA',
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      requestCert: false,
      rejectUnauthorized: false,
    });
  });

  it('has for each name its certificate, with the same ca, ciphers and version', (t) => {
    t.mock.method(tls, 'createSecureContext', (options) => options);
    const names = {
      'example.com': { cert: 'a', key: 'b' },
      '*.example.com': { cert: 'd', key: 'e' },
    };
    const files = { ca: '/ca.pem', ciphers: 'AES128-SHA', version: 'TLSv1.2' };
    const { SNICallback, ...options } = secureOptions(files, { ...SECRETS, ca: 'the ca', names });
    assert.equal('names' in options, false);
    const contextOf = (name) => {
      let found;
      SNICallback(name, (error, context) => {
        assert.equal(error, null);
        found = context;
      });
      return found;
    };
    const common = { ca: 'the ca', ciphers: 'AES128-SHA', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' };
    assert.deepEqual(contextOf('example.com'), { ...common, cert: 'a', key: 'b' });
    assert.deepEqual(contextOf('EXAMPLE.com'), { ...common, cert: 'a', key: 'b' });
    assert.deepEqual(contextOf('www.example.com'), { ...common, cert: 'd', key: 'e' });
    assert.equal(contextOf('a.www.example.com'), undefined, 'the star is one label');
    assert.equal(contextOf('other.org'), undefined, 'Node takes the certificate of the location');
  });

  it('without other names leaves the choice to Node', () => {
    assert.equal('SNICallback' in secureOptions({}, SECRETS), false);
  });
});

it('a client with a certificate that is not trusted is an impostor, one without is not', () => {
  const client = (authorized, certificate) => ({ authorized, getPeerCertificate: () => certificate });
  assert.equal(isImpostor(client(false, { subject: {} })), true);
  assert.equal(isImpostor(client(false, {})), false);
  assert.equal(isImpostor(client(true, { subject: {} })), false);
});

describe('the key of session tickets', () => {
  const SEED = Buffer.alloc(48, 7).toString('base64');
  const location = { asked: { host: '127.0.0.1', port: 443 } };
  const keyOf = (own = {}, place = location, seed = SEED) => {
    const server = {
      setTicketKeys(key) {
        this.key = key;
      },
      ...own,
    };
    shareTickets(server, place, seed);
    return server.key?.toString('hex');
  };

  it('is the same in all workers, and has 48 bytes', () => {
    assert.equal(keyOf(), keyOf());
    assert.equal(keyOf().length, 2 * 48);
  });

  it('is another one for another seed, place, or way to ask for client certificates', () => {
    const keys = [
      keyOf(),
      keyOf({}, location, Buffer.alloc(48, 8).toString('base64')),
      keyOf({}, { asked: { host: '127.0.0.1', port: 444 } }),
      keyOf({ requestCert: true }),
      keyOf({ requestCert: true, rejectUnauthorized: true }),
      keyOf({ ca: 'a' }),
      keyOf({ ca: 'b' }),
    ];
    assert.equal(new Set(keys).size, keys.length);
  });

  it('is not set without a seed or a place, where the application has set its own, or where there are no tickets', () => {
    assert.equal(keyOf({}, location, ''), undefined);
    const server = { setTicketKeys: () => assert.fail('it was set') };
    shareTickets(server, undefined, SEED);
    shareTickets(server, location, undefined);
    shareTickets({ ...server, ticketKeys: Buffer.alloc(48) }, location, SEED);
    shareTickets({}, location, SEED);
  });
});
