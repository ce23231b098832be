// What a process is told at its start, and forgets: variables that identify it, and pages of facts.

import assert from 'node:assert/strict';
import { closeSync, writeSync } from 'node:fs';
import { afterEach, describe, it } from 'node:test';
import {
  identityVariables,
  koffiVariable,
  locationKey,
  OWN_VARIABLES,
  readPage,
  successionVariable,
  writeFacts,
} from '../dist/handover.js';
import { armDeadline } from '../dist/posix/process.js';

const KEY = Symbol.for('prefork.identity');
/** Far away: the kernel would end this process. Milliseconds. */
const PATIENCE = 60_000;
const WORKER = { manager: 4711, run: 2, slot: 30, id: 7, patience: PATIENCE };
const NAMES = [...OWN_VARIABLES, 'PREFORK_WORKER_ID'];

let copies = 0;

/** What a fresh copy of the module takes from this environment, and what it leaves there. */
async function take(variables) {
  const taken = globalThis[KEY];
  delete globalThis[KEY];
  Object.assign(process.env, variables);
  try {
    copies += 1;
    const { identity, succession } = await import(`../dist/handover.js?copy=${copies}`);
    const left = Object.fromEntries(NAMES.flatMap((name) => (name in process.env ? [[name, process.env[name]]] : [])));
    return { identity, succession, left };
  } finally {
    armDeadline(0);
    globalThis[KEY] = taken;
  }
}

afterEach(() => {
  for (const name of NAMES) delete process.env[name];
});

describe('the variables of a process', () => {
  it('tell a worker which it is, and only its number stays for what it starts', async () => {
    const { identity, succession, left } = await take(identityVariables(WORKER));
    assert.deepEqual(identity, WORKER);
    assert.equal(succession, undefined);
    assert.deepEqual(left, { PREFORK_WORKER_ID: '7' });
  });

  it('tell a worker of an older manager, which gives no numbers, the rest', async () => {
    const own = { ...WORKER, id: undefined };
    const { identity, left } = await take(identityVariables(own));
    assert.deepEqual(identity, own);
    assert.deepEqual(left, {});
  });

  it('tell the next manager which it replaces', async () => {
    const { identity, succession, left } = await take(successionVariable({ manager: 4711, run: 1 }));
    assert.equal(identity, undefined);
    assert.deepEqual(succession, { manager: 4711, run: 1 });
    assert.deepEqual(left, {});
  });

  it('of a worker are not those of what it starts: such a process is neither, and has no number', async () => {
    const { identity, succession, left } = await take({ PREFORK_WORKER_ID: '7' });
    assert.deepEqual([identity, succession, left], [undefined, undefined, {}]);
  });

  for (const text of ['', '1', '1:2:3', '1:2:3:4:5', '1:2:3:x', '-1:2:3:4', '1:2:3:4\n', ' 1:2:3:4', '1::3:4']) {
    it(`that hold ${JSON.stringify(text)} are not believed`, async () => {
      const { identity, succession, left } = await take({ PREFORK_WORKER: text, PREFORK_UPGRADE: text });
      assert.deepEqual([identity, succession, left], [undefined, undefined, {}]);
    });
  }

  it('name a file of koffi, and one that is not there is no error', async () => {
    assert.deepEqual(koffiVariable(undefined), {});
    const koffi = koffiVariable('/nowhere/koffi.node');
    assert.deepEqual(koffi, { PREFORK_KOFFI: '/nowhere/koffi.node' });
    const { identity, left } = await take({ ...identityVariables(WORKER), ...koffi });
    assert.deepEqual(identity, WORKER);
    assert.deepEqual(left, { PREFORK_WORKER_ID: '7' });
  });

  it('are taken once: a second copy of the package finds what the first one took', async () => {
    const taken = globalThis[KEY];
    globalThis[KEY] = { identity: WORKER };
    try {
      const { identity } = await import('../dist/handover.js?copy=second');
      assert.equal(identity, WORKER);
    } finally {
      globalThis[KEY] = taken;
    }
  });
});

describe('a page of facts', () => {
  it('is read as it was written, as often as one likes, and cannot be changed', (t) => {
    const facts = { board: 12, locations: [{ url: 'http://127.0.0.1:80/ü' }], onDemand: [], isOtherUser: false };
    const fd = writeFacts(facts);
    t.after(() => closeSync(fd));
    assert.deepEqual(readPage(fd), facts);
    assert.deepEqual(readPage(fd), facts);
    assert.throws(() => writeSync(fd, 'x', 0), { code: 'EPERM' });
  });
});

describe('the key of a location', () => {
  const plain = { host: '127.0.0.1', port: 80, path: undefined, fd: undefined, ipv6Only: false };

  it('is the same for what was asked for in the same way, whatever else it has', () => {
    assert.equal(locationKey({ ...plain, backlog: 1, url: 'a' }), locationKey({ ...plain, backlog: 2, url: 'b' }));
    assert.equal(locationKey({ ...plain, nth: 0, numbered: false }), locationKey(plain));
  });

  for (const other of [
    { host: '::' },
    { port: 81 },
    { path: '/a.sock' },
    { fd: 3 },
    { ipv6Only: true },
    { nth: 1 },
    { numbered: true },
  ]) {
    it(`is another one with ${JSON.stringify(other)}`, () => {
      assert.notEqual(locationKey({ ...plain, ...other }), locationKey(plain));
    });
  }

  it('keeps a number and a port for each worker apart', () => {
    assert.notEqual(locationKey({ ...plain, nth: 1 }), locationKey({ ...plain, numbered: true }));
  });
});
