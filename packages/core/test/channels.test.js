// What the diagnostics channels publish of the pool, and that it costs nothing when nobody listens.

import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { describe, it } from 'node:test';
import { publishReload, publishWorker } from '../dist/manager/channels.js';

describe('on the diagnostics channels', () => {
  const record = { pid: 1, id: 2, generation: 3, state: 'healthy' };

  for (const [name, full] of [
    ['spawn', 'prefork:worker:spawn'],
    ['healthy', 'prefork:worker:healthy'],
    ['reap', 'prefork:worker:reap'],
    ['drain', 'prefork:drain'],
    ['hang', 'prefork:hang'],
  ]) {
    it(`${full} tells the worker and its facts, which nobody makes for nobody`, (t) => {
      publishWorker(name, record, assert.fail);
      const heard = [];
      const hear = (message, from) => heard.push([from, message]);
      channel(full).subscribe(hear);
      t.after(() => channel(full).unsubscribe(hear));
      publishWorker(name, record, () => ({ reason: 'test' }));
      publishWorker(name, record);
      const plain = { pid: 1, id: 2, generation: 3 };
      assert.deepEqual(heard, [
        [full, { ...plain, reason: 'test' }],
        [full, plain],
      ]);
    });
  }

  it('prefork:reload tells the generation, and the error of one that failed', (t) => {
    const heard = [];
    const hear = (message) => heard.push(message);
    publishReload(3, undefined);
    channel('prefork:reload').subscribe(hear);
    t.after(() => channel('prefork:reload').unsubscribe(hear));
    const error = new Error('it fails');
    publishReload(4, undefined);
    publishReload(4, error);
    assert.deepEqual(heard, [{ generation: 4 }, { generation: 4, error }]);
  });
});
