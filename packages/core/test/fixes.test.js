// What a message says about the remedy.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fixOf, listenFixOf, tlsFixOf } from '../dist/fixes.js';

const error = (code, syscall) => Object.assign(new Error(code), { code, ...(syscall ? { syscall } : {}) });

for (const [code, syscall, fix] of [
  ['EADDRINUSE', 'listen', /^; another process listens there/],
  ['EACCES', 'listen', /^; a port below 1024/],
  ['EADDRNOTAVAIL', 'bind', /^; no interface of this machine/],
  ['ENOTFOUND', 'getaddrinfo', /^; the name has no address/],
  ['ENOENT', 'listen', /^; make the folder of the socket$/],
  ['ENOENT', 'open', /^$/],
  ['EOTHER', 'listen', /^$/],
  ['constructor', 'listen', /^$/],
]) {
  it(`${code} of ${syscall}, of a server that cannot listen, ${fix.source === '^$' ? 'says enough' : 'has a fix'}`, () => {
    assert.match(listenFixOf(error(code, syscall)), fix);
  });
}

it('what is no error of the system has no fix', () => {
  for (const fix of [fixOf, listenFixOf, tlsFixOf]) {
    for (const value of [undefined, 'EACCES', new Error('EACCES'), error('toString')]) assert.equal(fix(value), '');
  }
});

it('the same code has the fix of its place', () => {
  assert.match(fixOf(error('ENOENT')), /^; make its folder$/);
  assert.match(tlsFixOf(error('ENOENT')), /^; the path is relative/);
});
