// `hangReport`: where a worker hangs is told before it is replaced, by the line of code.

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from './helpers/files.js';
import { startServer } from './helpers/server.js';

const OPTIONS = {
  workers: 1,
  listen: ['http://127.0.0.1:0'],
  heartbeatInterval: 200,
  // a boot on a busy machine must not take as long
  heartbeatTimeout: 4_000,
  gracefulTimeout: 2_500,
  hangReport: true,
};
const SOURCE = readFileSync(new URL('fixtures/hanging.js', import.meta.url), 'utf8').split('\n');
const lineOf = (text) => SOURCE.findIndex((line) => line.includes(text)) + 1;

async function hang(t, path, { options = {}, framework = 'express' } = {}) {
  const server = startServer(t, 'hanging.js', { options: { ...OPTIONS, ...options }, args: [framework] });
  const [pid] = await server.healthy(1);
  server.get(`${path}?token=secret`).catch(() => {});
  const [, json] = await server.waitForLine(new RegExp(`^hang ${pid} (.*)$`));
  return { server, pid, report: JSON.parse(json) };
}

/** The first of three reports with a stack: on a busy machine V8 may need longer than a report waits. */
async function hangWithStack(t, path, own) {
  for (let tries = 1; ; tries++) {
    const all = await hang(t, path, own);
    if (all.report.frames.length > 0 || tries === 3) return all;
    await all.server.kill();
  }
}

for (const framework of ['express', 'koa']) {
  test(`a loop in an application of ${framework} is told by function, file and line, with its request`, async (t) => {
    const file = join(tempDir(t), 'hangs.jsonl');
    const { server, pid, report } = await hangWithStack(t, '/loop', { framework, options: { hangReportFile: file } });
    const [top] = report.frames;
    assert.deepEqual([top.function, top.line], ['loopsForEver', lineOf('for (;;);')]);
    assert.match(top.file, /\/test\/fixtures\/hanging\.js$/);
    assert.ok(report.frames.some((frame) => frame.function === (framework === 'koa' ? 'middleware' : 'route')));
    assert.deepEqual([report.pid, report.workerId, report.note], [pid, 0, undefined]);
    assert.equal(report.requests.length, 1);
    assert.deepEqual([report.requests[0].method, report.requests[0].path], ['GET', '/loop']);
    assert.ok(report.requests[0].age >= 300, `${report.requests[0].age}`);
    await server.waitForLine(
      new RegExp(`\\[error\\] Worker ${pid} hangs in loopsForEver \\(/.*hanging\\.js:${top.line}:\\d+\\); 1 in flight`),
    );
    assert.doesNotMatch(server.output, /secret/);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)), report);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    // and then it is replaced as ever
    await server.waitForLine(new RegExp(`^reap ${pid}$`));
    await server.healthy(1);
    assert.equal((await server.get()).body, 'ok');
  });
}

for (const [path, name] of [
  ['/json', 'parsesForLong'],
  ['/regexp', 'matchesForEver'],
]) {
  test(`native code under ${path} is told by the function that called it, or that there is no stack, within 2.5 s`, async (t) => {
    const { server, pid, report } = await hang(t, path);
    if (report.frames.length > 0)
      assert.ok(
        report.frames.some((frame) => frame.function === name),
        JSON.stringify(report),
      );
    else assert.match(report.note, /native code/);
    assert.match(server.output, new RegExp(`Worker ${pid} hangs`));
  });
}

test('a worker that hangs at its boot is told of, too, and killed then', async (t) => {
  const server = startServer(t, 'hanging.js', { options: OPTIONS, args: ['express', 'boot'] });
  const [, json] = await server.waitForLine(/^hang \d+ (.*)$/);
  const { frames, note } = JSON.parse(json);
  assert.ok(frames[0]?.function === 'loopsForEver' || /gave no stack/.test(note), json);
  assert.equal((await server.ended).code, 1);
});

test('without it nothing is opened, and nothing is told', async (t) => {
  const server = startServer(t, 'hanging.js', { options: { ...OPTIONS, hangReport: false } });
  const [pid] = await server.healthy(1);
  server.get('/loop').catch(() => {});
  await server.waitForLine(new RegExp(`^reap ${pid}$`));
  assert.equal(server.count(/hangs in|Debugger listening|^hang /), 0);
});

test('a file in a folder that is not there is refused at the start', async (t) => {
  const file = join(tempDir(t), 'nowhere', 'hangs.jsonl');
  const server = startServer(t, 'hanging.js', { options: { ...OPTIONS, hangReportFile: file } });
  assert.equal((await server.ended).code, 1);
  assert.match(
    server.output,
    /Can't write hang reports to ".*hangs\.jsonl": ENOENT.*; create its folder, or name another file/,
  );
  assert.equal(server.pids('spawn').length, 0);
});
