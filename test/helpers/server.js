// Starts a fixture as a real server and ends all of it after the test. What a test needs:
//
//   const server = startServer(t, 'echo.js', { options: { workers: 2 } });
//   const [first, second] = await server.healthy(2);     // pids, needs a fixture that calls tell(server)
//   const { status, body } = await server.get('/');      // a new connection; waits until it listens
//   process.kill(server.pid, 'SIGQUIT');
//   await server.waitForLine(/Worker \d+ stopped/);      // stdout and stderr, also lines that came before the call
//   assert.deepEqual(await server.exited, { code: 0, signal: null });

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cleanAfter } from './cleanup.js';
import { get } from './client.js';
import { tempDir } from './files.js';
import { parentOf, processesWith } from './processes.js';
import { eventually, within } from './wait.js';
import { wayOf } from './ways.js';

/**
 * @typedef {object} StartOptions
 * @property {object} [options] for fixtures that take Prefork's options as JSON in their first argument, as echo.js does
 * @property {string[]} [args] arguments of the fixture, after `options`
 * @property {Record<string, string | undefined>} [env] added to the environment; `undefined` takes one away
 * @property {string[]} [execArgv] flags of node, before the fixture
 * @property {string | URL} [cwd] the working folder, that of the fixtures unless told otherwise
 * @property {string[]} [via] a command that runs node as its last arguments say, in its own place
 * @property {string} [dir] TMPDIR and so the folder of PID file and lock file; by default one of its own
 */

/**
 * Runs `node <execArgv> <fixture> <options> <args>`; an absolute path or `undefined`, for `--eval`, is a fixture, too.
 * After the test every process of it is killed, by pid, and the folder removed.
 *
 * @param {import('node:test').TestContext} t
 * @param {string | undefined} fixture
 * @param {StartOptions} [settings]
 */
export function startServer(
  t,
  fixture,
  { options, args = [], env = {}, execArgv = [], via = [], cwd, dir = tempDir(t) } = {},
) {
  const mark = `PREFORK_TEST=${randomUUID()}`;
  const fixtures = new URL('../fixtures/', import.meta.url);
  const script = fixture === undefined ? [] : [fileURLToPath(new URL(fixture, fixtures))];
  const json = options === undefined ? [] : [JSON.stringify(options)];
  const way = wayOf({ execArgv, script, args: [...json, ...args] }, options, () => tempDir(t));
  const [command, ...rest] = [...via, process.execPath, ...way.execArgv, ...way.script, ...way.args];
  const child = spawn(command, rest, {
    cwd: cwd ?? fixtures,
    env: { ...process.env, NODE_OPTIONS: undefined, TMPDIR: dir, PREFORK_TEST: mark.split('=')[1], ...way.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const server = new TestServer(child, mark, dir);
  cleanAfter(t, () => server.kill());
  return server;
}

class TestServer {
  /** The manager's pid. */
  pid;
  /** Folder of the default PID file and lock file. */
  dir;
  /** All output so far, stdout and stderr mixed, a string a line. */
  lines = [];
  stdout = [];
  stderr = [];
  /** By event the pids that it came with, in order: a search of all lines takes seconds after a flood. */
  #pids = new Map();
  #mark;
  #child;
  #exit;
  #close;
  #isClosed = false;

  constructor(child, mark, dir) {
    this.pid = child.pid;
    this.dir = dir;
    this.#mark = mark;
    this.#child = child;
    child.setMaxListeners(0);
    this.#exit = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
    this.#close = once(child, 'close').then(() => {
      this.#isClosed = true;
    });
    this.#collect(child.stdout, this.stdout);
    this.#collect(child.stderr, this.stderr);
  }

  /** The manager's end, as `{ code, signal }`. */
  get exited() {
    return within(this.#exit, () => `the manager has not exited\n${this.output}`);
  }

  /** The end of the last process that shares the manager's output: all lines have been read, as `{ code, signal }`. */
  get ended() {
    return within(this.#close, () => `processes ${this.processes()} are left\n${this.output}`).then(() => this.#exit);
  }

  /** The output so far, for messages. */
  get output() {
    return this.lines.join('\n');
  }

  /**
   * The first line that matches, also one that came before the call, as `RegExp#exec` gives it.
   *
   * @param {RegExp} pattern
   * @param {{ after?: number }} [options] `after`: how many lines to skip, what `server.lines.length` was
   * @returns {Promise<RegExpExecArray>}
   */
  waitForLine(pattern, { after = 0 } = {}) {
    const failed = (why) => `${why}, no line matches ${pattern}\n${this.output}`;
    const search = () => {
      const match = this.#find(pattern, after);
      if (!match && this.#isClosed) throw new Error(failed('it has ended'));
      return match;
    };
    return eventually(search, () => failed('it still runs'));
  }

  /** How many lines match. */
  count(pattern) {
    return this.lines.filter((line) => pattern.test(line)).length;
  }

  /** Where the server listens, or the first of several TCP locations: `{ host, port }`. */
  async address() {
    const [, host, port] = await this.waitForLine(/Listening at "https?:\/\/\[?([^"]*?)\]?:\{?(\d+)(?:\+n\})?"/);
    return { host: host.replace('*', '127.0.0.1'), port: Number(port) };
  }

  async port() {
    return (await this.address()).port;
  }

  /**
   * A request on a connection of its own.
   *
   * @returns {Promise<{ status: number, headers: object, body: string }>}
   */
  async get(path = '/') {
    return get(await this.address(), path);
  }

  /**
   * Pids of the healthy workers in the order they were spawned, once there are as many. From the lines of `tell()`.
   *
   * @param {number} count
   * @returns {Promise<number[]>}
   */
  healthy(count) {
    const failed = (why) => `${why}, there are not ${count} healthy workers\n${this.output}`;
    const search = () => {
      const healthy = this.living();
      if (healthy.length === count) return healthy;
      if (this.#isClosed) throw new Error(failed('it has ended'));
      return undefined;
    };
    return eventually(search, () => failed('it still runs'));
  }

  /** The pids that an event came with, from the lines of `tell()`: spawn, healthy, heartbeat, reap. */
  pids(event) {
    return [...(this.#pids.get(event) ?? [])];
  }

  /** Pids of the healthy workers that have not been reaped. */
  living() {
    const reaped = new Set(this.#pids.get('reap'));
    return this.pids('healthy').filter((pid) => !reaped.has(pid));
  }

  /** Pids of the manager's live children, whatever it says about them. */
  workers() {
    return this.processes().filter((pid) => parentOf(pid) === this.pid);
  }

  /** Pids of everything alive that came of this server: manager, workers, orphans, their children. */
  processes() {
    return processesWith(this.#mark);
  }

  /** Ends all of it. */
  async kill() {
    const kill = () => {
      for (const pid of this.processes()) signal(pid, 'SIGKILL');
      return this.processes().length === 0;
    };
    await eventually(kill, () => `processes ${this.processes()} do not die`);
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  }

  #collect(stream, own) {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (text) => {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop();
      own.push(...lines);
      this.lines.push(...lines);
      for (const line of lines) this.#note(line);
    });
  }

  #note(line) {
    const [, event, pid] = /^([a-z ]+) (\d+)$/.exec(line) ?? [];
    if (!event) return;
    const pids = this.#pids.get(event);
    if (pids) pids.push(Number(pid));
    else this.#pids.set(event, [Number(pid)]);
  }

  #find(pattern, after) {
    for (const line of this.lines.slice(after)) {
      const match = pattern.exec(line);
      if (match) return match;
    }
    return undefined;
  }
}

/** As `process.kill`, for a process that may have gone. */
export function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
