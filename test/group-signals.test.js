// Signals that reach the manager and all of its workers, in whatever order: those of a terminal, of dumb-init, tini, timeout,
// Heroku. They mean what they mean to the manager alone, and nothing is lost under load.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cleanAfter } from './helpers/cleanup.js';
import { get } from './helpers/client.js';
import { Lost, open } from './helpers/connection.js';
import { tempDir } from './helpers/files.js';
import { signal, startServer } from './helpers/server.js';
import { missing, start as startTool } from './helpers/tools.js';
import { eventually } from './helpers/wait.js';

const CLIENTS = 16;
const WORKERS = 2;

/** Clients that ask without a pause, each time on a new connection, until they are refused or told to stop. */
function load(t, port) {
  const tally = { answered: 0, lost: [], isOver: false };
  const client = async () => {
    while (!tally.isOver) {
      try {
        const connection = await open({ port });
        await connection.request({ headers: { connection: 'close' } });
        connection.close();
        tally.answered += 1;
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        if (error.kind === 'refused') return;
        tally.lost.push(error.message);
      }
    }
  };
  const over = Promise.all(Array.from({ length: CLIENTS }, client));
  cleanAfter(t, () => {
    tally.isOver = true;
  });
  const answered = async (count) => {
    const wanted = tally.answered + count;
    while (tally.answered < wanted) await sleep(5);
  };
  return { tally, over, answered };
}

async function start(t, options = {}, settings = {}) {
  const server = startServer(t, 'echo.js', { options: { workers: WORKERS, ...options }, ...settings });
  const workers = await server.healthy(WORKERS);
  const [, text] = await server.waitForLine(/Manager (\d+) started/);
  const manager = Number(text);
  const clients = load(t, await server.port());
  await clients.answered(100);
  return { server, workers, manager, clients };
}

/** The server has ended in order, and every client was answered or refused. */
async function assertEnded(server, { tally, over }) {
  await server.ended;
  await over;
  assert.deepEqual(tally.lost, [], server.output);
  assert.equal(server.count(/SIG[A-Z]+\)|nobody told|immediately/), 0, server.output);
  assert.equal(server.count(/^finish true$/), 1, server.output);
  assert.equal(server.count(/Manager \d+ stopped/), 1, server.output);
}

/** How a signal reaches all processes of a server. */
const ORDERS = {
  'to the process group': ({ manager }, name) => process.kill(-manager, name),
  'to the workers, and then to the manager': async ({ manager, workers }, name) => {
    for (const pid of workers) signal(pid, name);
    await sleep(5);
    signal(manager, name);
  },
  'to the manager, and then to the workers': ({ manager, workers }, name) => {
    for (const pid of [manager, ...workers]) signal(pid, name);
  },
};

const GRACEFUL = [
  ['SIGQUIT', {}],
  ['SIGTERM', { gracefulTerm: true }],
];

for (const [name, options] of GRACEFUL) {
  describe(`${name} stops gracefully, and nothing is lost, when it is sent`, () => {
    for (const [how, send] of Object.entries(ORDERS)) {
      test(how, async (t) => {
        const { server, clients, ...pids } = await start(t, options, { via: ['setsid'] });
        await send(pids, name);
        await assertEnded(server, clients);
      });
    }

    test('to the one process of `single`', async (t) => {
      const single = { ...options, single: true };
      const server = startServer(t, 'echo.js', { options: single, via: ['setsid'] });
      const clients = load(t, await server.port());
      await clients.answered(100);
      process.kill(-server.pid, name);
      await server.ended;
      await clients.over;
      assert.deepEqual(clients.tally.lost, [], server.output);
      assert.equal(server.count(/^finish true$/), 1, server.output);
    });
  });
}

test('INT stops at once, with status 0, whichever process gets it first', async (t) => {
  const { server, manager } = await start(t, {}, { via: ['setsid'] });
  process.kill(-manager, 'SIGINT');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
  assert.equal(server.count(/^finish false$/), 1, server.output);
});

describe('a signal that is meant for the manager leaves the workers alone when they get it as well', () => {
  test('HUP is one reload, and nothing is lost', async (t) => {
    const { server, workers, manager, clients } = await start(t, {}, { via: ['setsid'] });
    process.kill(-manager, 'SIGHUP');
    await server.waitForLine(/Reload finished/);
    for (const pid of workers) await server.waitForLine(new RegExp(`Worker ${pid} stopped$`));
    await clients.answered(100);
    clients.tally.isOver = true;
    await clients.over;
    assert.deepEqual(clients.tally.lost, [], server.output);
    assert.equal(server.count(/Reloading the workers/), 1, server.output);
    assert.equal(server.count(/SIG[A-Z]+\)/), 0, server.output);
  });

  for (const name of ['SIGUSR2', 'SIGTTIN', 'SIGTTOU']) {
    test(`${name} ends and stops no worker`, async (t) => {
      const { server, workers, clients } = await start(t);
      for (const pid of workers) signal(pid, name);
      await clients.answered(200);
      clients.tally.isOver = true;
      await clients.over;
      assert.deepEqual(clients.tally.lost, [], server.output);
      assert.deepEqual(server.pids('reap'), [], server.output);
    });
  }
});

describe('under a program that runs it and signals all of it', () => {
  const programs = {
    'dumb-init': ['dumb-init'],
    tini: ['tini', '-s', '-g', '--'],
    timeout: ['timeout', '300'],
  };
  for (const [name, via] of Object.entries(programs)) {
    test(`${name}, TERM loses nothing with gracefulTerm`, { skip: missing(name) }, async (t) => {
      // a process group of its own, which is what these programs signal
      const { server, clients } = await start(t, { gracefulTerm: true }, { via: ['setsid', ...via] });
      signal(server.pid, 'SIGTERM');
      await assertEnded(server, clients);
    });
  }

  test('nohup, HUP to all is one reload', async (t) => {
    const { server, manager, clients } = await start(t, {}, { via: ['setsid', 'nohup'] });
    process.kill(-manager, 'SIGHUP');
    await server.waitForLine(/Reload finished/);
    clients.tally.isOver = true;
    await clients.over;
    assert.deepEqual(clients.tally.lost, [], server.output);
    assert.equal(server.count(/Reloading the workers/), 1, server.output);
    assert.equal(server.count(/^finish/), 0, server.output);
  });
});

test('a server whose terminal is closed ends gracefully', { skip: missing('script') }, async (t) => {
  const dir = tempDir(t);
  const log = join(dir, 'log');
  const fixture = fileURLToPath(new URL('fixtures/echo.js', import.meta.url));
  // its input is the terminal, which nobody reads after the end of `script`
  const command = `TMPDIR="${dir}" exec "${process.execPath}" "${fixture}" '{"workers":${WORKERS}}' > "${log}" 2>&1`;
  const terminal = startTool(t, 'script', ['-qfec', command, '/dev/null']);
  const output = () => (existsSync(log) ? readFileSync(log, 'utf8') : '');
  const waitFor = (pattern) => eventually(() => pattern.exec(output()), output);
  const [, manager] = await waitFor(/Manager (\d+) started/);
  cleanAfter(t, () => signal(Number(manager), 'SIGKILL'));
  await waitFor(new RegExp(`(healthy \\d+\\s[^]*){${WORKERS}}`));
  const [, port] = await waitFor(/Listening at ".*:(\d+)"/);
  const answer = get(Number(port), '/wait');
  await waitFor(/^waits in/m);
  signal(terminal.pid, 'SIGKILL');
  await waitFor(/^finish true/m);
  writeFileSync(join(dir, 'go'), '');
  assert.equal((await answer).status, 200);
  await waitFor(/Manager \d+ stopped/);
  assert.doesNotMatch(output(), /SIG[A-Z]+\)|Reloading|immediately/);
});

test('connections that wait when all workers have left before the stop are answered by one that boots', async (t) => {
  // each process takes a second more to boot
  const execArgv = ['--import', 'data:text/javascript,Atomics.wait(new Int32Array(new SharedArrayBuffer(4)),0,0,1000)'];
  const { server, workers, manager, clients } = await start(t, {}, { execArgv });
  for (const pid of workers) signal(pid, 'SIGQUIT');
  for (const pid of workers) await server.waitForLine(new RegExp(`^reap ${pid}`));
  signal(manager, 'SIGQUIT');
  await assertEnded(server, clients);
  assert.ok(server.pids('healthy').length > WORKERS, server.output);
});
