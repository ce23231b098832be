// What the environment says.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readEnvironment, variableOf } from '../dist/cli/environment.js';
import { OPTION_NAMES } from '../dist/cli/flags.js';
import { KINDS } from '../dist/options.js';

const TEXTS = {
  boolean: ['true', true],
  count: ['7', 7],
  positive: ['7', 7],
  delay: ['2s', 2000],
  duration: ['2s', 2000],
  identity: ['33', 33],
  memory: ['80%', '80%'],
  period: ['5s', 5000],
  folder: ['/srv/current', '/srv/current'],
  path: ['/run/a', '/run/a'],
  urls: ['http://*:1,http://*:2', ['http://*:1', 'http://*:2']],
};

const refuses = (env, message) =>
  assert.throws(() => readEnvironment(env), { name: 'CommandError', status: 2, message });

describe('the environment', () => {
  for (const option of OPTION_NAMES) {
    it(`sets ${option} with ${variableOf(option)}`, () => {
      const [text, value] = TEXTS[KINDS[option]];
      assert.deepEqual(readEnvironment({ [variableOf(option)]: text }), { [option]: value });
      assert.deepEqual(readEnvironment({ [variableOf(option)]: '' }), {});
    });
  }

  it('sets the port with PORT, unless PREFORK_LISTEN says more', () => {
    assert.deepEqual(readEnvironment({ PORT: '8080' }), { listen: ['http://*:8080'] });
    assert.deepEqual(readEnvironment({ PORT: '' }), {});
    assert.deepEqual(readEnvironment({ PORT: '8080', PREFORK_LISTEN: 'http://*:1' }), { listen: ['http://*:1'] });
  });

  it('takes a comma in a location for its own', () => {
    const listen = ['https://*:1?cert=a&key=b&ciphers=A,B', 'http+unix://%2Frun%2Fa,b.sock'];
    assert.deepEqual(readEnvironment({ PREFORK_LISTEN: listen.join(',') }), { listen });
  });

  it('puts WEB_CONCURRENCY over a config file and under PREFORK_WORKERS', () => {
    assert.deepEqual({ workers: 3, ...readEnvironment({ WEB_CONCURRENCY: '2' }) }, { workers: undefined });
    assert.deepEqual(readEnvironment({ WEB_CONCURRENCY: '2', PREFORK_WORKERS: '4' }), { workers: 4 });
    assert.deepEqual(readEnvironment({ WEB_CONCURRENCY: '' }), {});
  });

  it('says nothing by names that are no option: Kubernetes has some for a service called prefork', () => {
    const service = { PREFORK_SERVICE_HOST: '10.0.0.1', PREFORK_PORT: 'tcp://10.0.0.1:80', PREFORK_PORT_80_TCP: 'x' };
    assert.deepEqual(readEnvironment({ ...service, PREFORK_WORKER: '1:0:0:9', PREFORK_LOG: 'x' }), {});
  });

  it('is refused by the name of the variable', () => {
    refuses(
      { PREFORK_WORKERS: '-1' },
      'Expected the environment variable `PREFORK_WORKERS` to be a non-negative integer, got `-1`',
    );
    refuses({ PREFORK_CLEANUP: 'maybe' }, /^Expected the environment variable `PREFORK_CLEANUP` to be a boolean, got /);
    for (const port of ['http', '65536', '-1', '80.5']) {
      refuses(
        { PORT: port },
        `Expected the environment variable \`PORT\` to be an integer from 0 to 65535, got \`${port}\``,
      );
    }
  });
});
