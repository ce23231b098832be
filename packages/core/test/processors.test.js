// How many processors a process may use, told from the files of control groups.

import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, it } from 'node:test';
import { usableProcessors } from '../dist/processors.js';

const V2 = '/sys/fs/cgroup';
const V1 = '/sys/fs/cgroup/cpu';

const count = (files, counted = 8) => usableProcessors((path) => files[path], counted);
const unified = (text, path = '/') => ({ '/proc/self/cgroup': `0::${path}\n`, [`${V2}/cpu.max`]: text });

describe('a quota of version 2', () => {
  for (const [text, expected] of [
    ['200000 100000\n', 2],
    ['150000 100000', 2],
    ['100001 100000', 2],
    ['50000 100000', 1],
    ['1000 1000000', 1],
    ['25000 10000', 3],
    ['1600000 100000', 8],
    ['max 100000', 8],
  ]) {
    it(`${text.trim()} means ${expected} of 8`, () => assert.equal(count(unified(text)), expected));
  }

  it('is the smallest of the group and those above it', () => {
    const files = (root, middle, own) => ({
      '/proc/self/cgroup': '0::/system.slice/app.service\n',
      [`${V2}/cpu.max`]: root,
      [`${V2}/system.slice/cpu.max`]: middle,
      [`${V2}/system.slice/app.service/cpu.max`]: own,
    });
    assert.equal(count(files(undefined, 'max 100000', '300000 100000')), 3);
    assert.equal(count(files(undefined, '200000 100000', '300000 100000')), 2);
    assert.equal(count(files('100000 100000', '200000 100000', undefined)), 1);
  });

  it('is found at the root where a container does not see its own path', () => {
    assert.equal(count(unified('200000 100000', '/docker/0123')), 2);
    assert.equal(count(unified('200000 100000', '/../../kubepods/pod1')), 2);
  });
});

describe('a quota of version 1', () => {
  const files = (quota, period, controllers = 'cpu,cpuacct', mount = V1, path = '/docker/0123') => ({
    '/proc/self/cgroup': `12:pids:/x\n4:${controllers}:${path}\n1:name=systemd:/x\n0::/x\n`,
    [`${mount}/cpu.cfs_quota_us`]: quota,
    [`${mount}/cpu.cfs_period_us`]: period,
  });

  it('is rounded up, and -1 is none', () => {
    assert.equal(count(files('150000\n', '100000\n')), 2);
    assert.equal(count(files('-1\n', '100000\n')), 8);
  });

  it('is found under each name of the mount, in the group and above it', () => {
    assert.equal(count(files('300000', '100000', 'cpuacct,cpu', '/sys/fs/cgroup/cpu,cpuacct')), 3);
    assert.equal(count(files('300000', '100000', 'cpu', `${V1}/docker/0123`)), 3);
    assert.equal(count(files('300000', '100000', 'cpu', `${V1}/docker`)), 3);
  });

  it('of another controller does not count', () => {
    assert.equal(count(files('100000', '100000', 'cpuset')), 8);
  });
});

describe('without a quota', () => {
  it('all that Node counts are used', () => {
    assert.equal(count({}), 8);
    assert.equal(count({ '/proc/self/cgroup': '0::/\n' }), 8);
    assert.equal(count({}, 0), 1);
  });

  it('no more are used than Node counts', () => {
    assert.equal(count(unified('800000 100000'), 2), 2);
  });

  it('of this very machine there is a number', () => {
    const processors = usableProcessors();
    assert.ok(processors >= 1 && processors <= availableParallelism());
  });
});

describe('garbage is no quota:', () => {
  for (const text of [
    '',
    '\n',
    'x y',
    '100000',
    '0 100000',
    '100000 0',
    '-1 100000',
    '1e5 1e5',
    'NaN NaN',
    '0x10 1',
    '1.5 1',
    '9'.repeat(400),
  ]) {
    it(JSON.stringify(text.slice(0, 20)), () => assert.equal(count(unified(text)), 8));
  }

  for (const text of ['', 'nonsense', '0::', '0::relative', '::/', '\0', 'a:b:c:d', '4:cpu']) {
    it(`/proc/self/cgroup ${JSON.stringify(text)}`, () => {
      assert.equal(count({ ...unified('100000 100000'), '/proc/self/cgroup': text }), 8);
    });
  }
});
