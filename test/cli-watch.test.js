// `prefork --watch`: for development, a change of the code reloads the workers.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { answers, HERE, project, startCommand } from './helpers/command.js';
import { signal } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

const APP = `
  import { text } from './lib/text.mjs';
  export default (_request, response) => response.end(text);`;
const TEXT = (text) => `export const text = '${text}';`;

function watch(t, files, args = ['app.mjs']) {
  const dir = project(t, files);
  const server = startCommand(t, dir, ['--watch', '-w', '2', ...HERE, ...args]);
  const write = (name, text) => writeFileSync(join(dir, name), text);
  const answers = (body) =>
    eventually(
      async () => (await server.get()).body === body,
      () => `it never says ${body}\n${server.output}`,
    );
  return { server, dir, write, answers };
}

test('a change of the app, or of a module in a folder below it, reloads', async (t) => {
  const { server, write, answers } = watch(t, { 'app.mjs': APP, 'lib/text.mjs': TEXT('one') });
  await answers('one');
  write('lib/text.mjs', TEXT('two'));
  await answers('two');
  await server.waitForLine(/\[info\] .*lib\/text\.mjs has changed/);
  write('app.mjs', APP.replace('text);', `text + '!');`));
  await answers('two!');
});

test('a folder that comes later is watched, and one that goes ends nothing', async (t) => {
  const { dir, write, answers } = watch(t, { 'app.mjs': `export default (_req, res) => res.end('one');` });
  await answers('one');
  mkdirSync(join(dir, 'lib/deep'), { recursive: true });
  write('lib/deep/text.mjs', TEXT('two'));
  write('app.mjs', APP.replace('lib/', 'lib/deep/'));
  await answers('two');
  write('lib/deep/text.mjs', TEXT('three'));
  await answers('three');
  renameSync(join(dir, 'lib'), join(dir, 'src'));
  write('app.mjs', APP.replace('lib/', 'src/deep/'));
  await answers('three');
  write('src/deep/text.mjs', TEXT('four'));
  await answers('four');
  rmSync(join(dir, 'src'), { recursive: true });
  write('app.mjs', `export default (_req, res) => res.end('five');`);
  await answers('five');
});

test('what is no code, node_modules and folders with a dot do not reload', async (t) => {
  const others = { 'lib/node_modules/a.js': '', '.git/a.js': '', '.hidden.js': '', 'app.log': '', 'app.mjs~': '' };
  const { server, write, answers } = watch(t, { 'app.mjs': APP, 'lib/text.mjs': TEXT('one'), ...others });
  await answers('one');
  // of a series the last file is told
  write('lib/text.mjs', TEXT('two'));
  for (const name of Object.keys(others)) write(name, 'changed');
  await answers('two');
  await server.waitForLine(/Reload finished/);
  await server.waitForLine(/lib\/text\.mjs has changed/);
  assert.equal(server.count(/has changed/), 1, server.output);
});

test('a broken save leaves the old workers, and the repair is taken', async (t) => {
  const { server, write, answers } = watch(t, { 'app.mjs': APP, 'lib/text.mjs': TEXT('one') });
  await answers('one');
  write('lib/text.mjs', 'export const text = ;');
  await server.waitForLine(/Reload failed, .*; the old workers stay/);
  await answers('one');
  write('lib/text.mjs', TEXT('two'));
  await answers('two');
});

test('an app that does not boot is waited for, as often as it takes', async (t) => {
  const { server, dir, write } = watch(t, { 'app.mjs': `throw new Error('not yet');` });
  await server.waitForLine(/Waiting for a change of app\.mjs, or what it loads/);
  const after = server.lines.length;
  write('app.mjs', `throw new Error('still not');`);
  await server.waitForLine(/Error: still not/, { after });
  await server.waitForLine(/Waiting for a change/, { after });
  const port = server.lines.length;
  write('app.mjs', `export default (_req, res) => res.end('at last');`);
  const [, url] = await server.waitForLine(/Listening at "(.*)"/, { after: port });
  assert.equal(await (await fetch(url)).text(), 'at last');

  // and such a server is like any other: its workers and the next manager know which call is theirs
  await eventually(
    () => server.count(/Worker \d+ started/) === 4,
    () => `the second worker, which follows a healthy one, does not start\n${server.output}`,
  );
  signal(server.pid, 'SIGUSR2');
  const [, next] = await server.waitForLine(/Upgrade finished, manager (\d+) takes over/);
  assert.equal(await (await fetch(url)).text(), 'at last');
  assert.equal(readFileSync(join(dir, 'prefork.pid'), 'utf8'), `${next}\n`);
  signal(Number(next), 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
});

test('a change while the app boots is not lost', async (t) => {
  const slow = `console.log('loads'); await new Promise((resolve) => setTimeout(resolve, 500));`;
  const {
    server,
    write,
    answers: says,
  } = watch(t, { 'app.mjs': `${slow}\n${answers('one')}` }, ['app.mjs', '-w', '1']);
  await server.waitForLine(/^loads$/);
  write('app.mjs', answers('two'));
  await server.waitForLine(/has changed/);
  await says('two');
});

test('a server that cannot listen is not waited for, and a stop ends the watch', async (t) => {
  const { server } = watch(t, { 'app.mjs': APP, 'lib/text.mjs': TEXT('one') }, ['app.mjs', '-l', 'http://127.0.0.1:0']);
  const port = await server.port();
  const second = watch(t, { 'app.mjs': answers('') }, ['app.mjs', '-l', `http://127.0.0.1:${port}`]).server;
  assert.deepEqual(await second.ended, { code: 1, signal: null }, second.output);
  signal(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null }, server.output);
});
