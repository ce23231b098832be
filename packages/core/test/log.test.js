// The operator's log.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { defaultLog } from '../dist/log.js';

/** What is written to stderr meanwhile. */
function captured(t, action) {
  const lines = [];
  const { mock } = t.mock.method(process.stderr, 'write', (text) => lines.push(text));
  action();
  mock.restore();
  return lines;
}

for (const level of ['info', 'warn', 'error']) {
  it(`writes one line with time, pid and level: ${level}`, (t) => {
    const [line, ...more] = captured(t, () => defaultLog[level]('Worker 4711 started'));
    assert.deepEqual(more, []);
    const pattern = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\] \[(\d+)\] \[(\w+)\] Worker 4711 started\n$/;
    const [, pid, name] = pattern.exec(line) ?? assert.fail(line);
    assert.deepEqual([pid, name], [`${process.pid}`, level]);
  });
}

it('writes the local time', (t) => {
  const before = Date.now();
  const [line] = captured(t, () => defaultLog.info('now'));
  const time = new Date(line.slice(1, 24).replace(' ', 'T')).getTime();
  assert.ok(time >= before && time <= Date.now(), line);
});

it('works as functions alone: a logger may be taken apart', (t) => {
  const { info } = defaultLog;
  assert.equal(captured(t, () => info('text')).length, 1);
});
