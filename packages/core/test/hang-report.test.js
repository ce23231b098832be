// What is told of a worker that hangs, whatever V8 and the worker have said.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { checkHangReport, HangReports } from '../dist/manager/hang-report.js';
import { Upkeep } from '../dist/manager/upkeep.js';
import { tempDir } from './helpers/files.js';
import { fakeLog } from './helpers/log.js';
import { LIMITS, NOW, RUN, worker } from './helpers/records.js';

const FRAMES = [
  { function: 'parse', file: '/srv/app/node_modules/lib/index.js', line: 3, column: 1 },
  { function: '', file: '/srv/app/report.js', line: 42, column: 9 },
  { function: 'emit', file: 'node:events', line: 524, column: 28 },
];

async function report(look, own = {}) {
  const log = fakeLog();
  const told = [];
  const hangs = new HangReports(
    { log, ...own },
    (...args) => told.push(args),
    async (...args) => look(...args),
  );
  await hangs.report(worker('healthy', { pid: 77, id: 3 }));
  return { log, told };
}

it('names the innermost call of the application, the oldest request, and the stack', async () => {
  const { log, told } = await report((pid, expression, limit) => {
    assert.deepEqual([pid, limit], [77, 2_000]);
    assert.equal(expression, "globalThis[Symbol.for('prefork.requests')]?.()");
    return {
      frames: FRAMES,
      value: [
        { method: 'POST', path: '/a', age: 21_034.4 },
        { method: 'GET', path: '/b', age: 3 },
      ],
    };
  });
  assert.deepEqual(log.lines, [
    'error: Worker 77 hangs in an anonymous function (/srv/app/report.js:42:9); 2 in flight, the oldest for 21034 ms: POST /a; stack: parse /srv/app/node_modules/lib/index.js:3 < (anonymous) /srv/app/report.js:42 < emit node:events:524',
  ]);
  const [[pid, { time, ...rest }]] = told;
  assert.equal(pid, 77);
  assert.ok(!Number.isNaN(Date.parse(time)));
  assert.deepEqual(rest, {
    pid: 77,
    workerId: 3,
    frames: FRAMES,
    requests: [
      { method: 'POST', path: '/a', age: 21_034 },
      { method: 'GET', path: '/b', age: 3 },
    ],
  });
});

it('says why there is no stack', async () => {
  const { log, told } = await report(() => {
    throw new Error('V8 gave no stack');
  });
  assert.deepEqual(log.lines, ['error: Worker 77 hangs (V8 gave no stack: it is stopped, or runs native code)']);
  assert.deepEqual([told[0][1].frames, told[0][1].note], [[], 'V8 gave no stack: it is stopped, or runs native code']);
});

it('takes whatever a worker says for text, and no more than five requests', async () => {
  const evil = '\x1b[2J\n';
  const value = [
    { method: evil, path: evil, age: Number.NaN },
    null,
    ...Array.from({ length: 20 }, () => ({ path: 'x'.repeat(9_999) })),
  ];
  const { log, told } = await report(() => ({
    frames: [{ function: evil, file: `/a${evil}`, line: 1, column: 1 }],
    value,
  }));
  assert.doesNotMatch(log.lines.join(''), /\p{Cc}/u);
  assert.equal(told[0][1].requests.length, 5);
  assert.ok(told[0][1].requests.every(({ path, age }) => path.length <= 500 && age === 0));
  for (const other of ['text', 7, undefined, {}]) {
    const { told: heard } = await report(() => ({ frames: [], value: other }));
    assert.deepEqual(heard[0][1].requests, []);
  }
});

it('appends lines of JSON, and a file that cannot be written is told and nothing more', async (t) => {
  const dir = tempDir(t);
  const file = join(dir, 'hangs');
  for (let i = 0; i < 2; i++) await report(() => ({ frames: FRAMES, value: [] }), { hangReportFile: file });
  const lines = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ pid }) => pid),
    [77, 77],
  );
  const { log } = await report(() => ({ frames: FRAMES, value: [] }), { hangReportFile: join(dir, 'no', 'hangs') });
  assert.match(log.lines.at(-1), /^error: Can't tell of a hang: ENOENT/);
});

describe('at the start', () => {
  it('a file that cannot be written is an error that names the fix', () => {
    const settings = { log: fakeLog(), hangReport: true, hangReportFile: '/nowhere/at/all' };
    assert.throws(() => checkHangReport(settings), {
      code: 'ERR_PREFORK_HANG_REPORT_FILE',
      message: /create its folder/,
    });
  });

  for (const [flag, isWarned] of [
    ['--disable-sigusr1', true],
    ['--permission', true],
    ['--experimental-permission', true],
    ['--trace-warnings', false],
  ]) {
    it(`${flag} is ${isWarned ? '' : 'not '}warned of`, () => {
      const log = fakeLog();
      process.execArgv.push(flag);
      try {
        checkHangReport({ log, hangReport: true });
        checkHangReport({ log, hangReport: false });
      } finally {
        process.execArgv.pop();
      }
      assert.equal(log.lines.length, isWarned ? 1 : 0);
    });
  }
});

describe('a heartbeat that is overdue', () => {
  function expire(record) {
    const orders = [];
    let tell;
    const hangs = {
      report: ({ pid }) => {
        orders.push(`report ${pid}`);
        return new Promise((resolve) => {
          tell = resolve;
        });
      },
    };
    const pool = { workers: [record], quit: () => orders.push('quit'), kill: () => orders.push('kill') };
    const upkeep = new Upkeep({
      settings: { ...LIMITS, log: fakeLog() },
      target: RUN,
      pool,
      reload: { failed() {} },
      hangs,
      failed() {},
    });
    return { orders, upkeep, tell: () => tell() };
  }

  it('of a worker that serves is told while it is ordered to leave', () => {
    const record = worker('healthy', { pid: 7, heartbeatAt: 0 });
    const { orders, upkeep } = expire(record);
    upkeep.judge(NOW);
    assert.deepEqual(orders, ['report 7', 'quit']);
  });

  it('of a worker that boots is told before it is killed, once', async () => {
    const record = worker('starting', { pid: 7, heartbeatAt: 0 });
    const { orders, upkeep, tell } = expire(record);
    upkeep.judge(NOW);
    upkeep.judge(NOW);
    assert.deepEqual(orders, ['report 7']);
    tell();
    await new Promise(setImmediate);
    assert.deepEqual(orders, ['report 7', 'kill']);
  });
});
