// `prefork status --watch` on a real terminal and in a pipe: it draws each second, ends as it is told, and leaves the terminal as
// it was.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answers, HERE, project, startCommand } from './helpers/command.js';
import { signal } from './helpers/server.js';
import { startTerminal } from './helpers/terminal.js';
import { eventually } from './helpers/wait.js';

async function serve(t) {
  const dir = project(t, { 'app.mjs': answers('hello') });
  const server = startCommand(t, dir, ['app.mjs', '-w', '2', ...HERE]);
  await server.get(); // it serves
  return { dir, server };
}

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
/** What a terminal obeys. */
const SEQUENCE = new RegExp(`${String.fromCharCode(27)}\\[[?\\d;]*[a-zA-Z]`, 'g');
const pictures = (text) => text.split('\x1b[H').slice(1);

for (const [title, end, status] of [
  ['Ctrl-C', (terminal) => terminal.type('\x03'), 0],
  ['TERM', (terminal) => terminal.signal('SIGTERM'), 143],
]) {
  test(`on a terminal it draws over itself, and ${title} leaves the terminal as it was`, async (t) => {
    const { dir, server } = await serve(t);
    const terminal = startTerminal(t, dir, ['status', '--watch'], { columns: 80, rows: 24 });
    await eventually(
      () => pictures(terminal.output).length >= 3,
      () => terminal.output,
    );
    end(terminal);
    assert.equal(await terminal.exited, status, terminal.output);
    assert.ok(terminal.output.startsWith(ENTER));
    assert.ok(terminal.output.endsWith(LEAVE), JSON.stringify(terminal.output.slice(-80)));
    const last = pictures(terminal.output).at(-1);
    assert.match(last, new RegExp(`Manager ${server.pid} is serving: 2 of 2 workers`));
    const lines = last.replaceAll(SEQUENCE, '').split('\r\n');
    for (const text of lines) assert.ok([...text].length <= 80, text);
  });
}

test('on a terminal it ends with the server, says so, and leaves the terminal as it was', async (t) => {
  const { dir, server } = await serve(t);
  const terminal = startTerminal(t, dir, ['status', '--watch'], { columns: 80, rows: 24 });
  await eventually(
    () => pictures(terminal.output).length >= 1,
    () => terminal.output,
  );
  signal(server.pid, 'SIGQUIT');
  assert.equal(await terminal.exited, 1);
  assert.ok(terminal.output.includes(LEAVE));
  assert.match(terminal.output.slice(terminal.output.indexOf(LEAVE)), new RegExp(`Server ${server.pid} has stopped`));
});

test('in a pipe it prints a line each second, without colours, and with them where FORCE_COLOR says so', async (t) => {
  const { dir, server } = await serve(t);
  const command = startCommand(t, dir, ['status', '--watch'], { env: { FORCE_COLOR: '1' } });
  await eventually(() => command.stdout.length >= 2, 'it prints nothing');
  for (const text of command.stdout)
    assert.match(
      text,
      /^\d{4}-\S+Z serving, workers [12]\/2, requests\/s [\d.]+, connections\/s [\d.]+, in flight 0, p99 /,
    );
  signal(command.pid, 'SIGINT');
  assert.equal((await command.ended).code, 0);
  signal(server.pid, 'SIGQUIT');
  await server.ended;
});

test('a pipe without a reader ends it', async (t) => {
  const { dir } = await serve(t);
  const terminal = startTerminal(t, dir, ['status', '--watch', '|', 'head', '-n', '1'], { columns: 80, rows: 24 });
  assert.equal(await terminal.exited, 0);
  assert.match(terminal.output, /serving, workers/);
});
