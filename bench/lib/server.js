// Benchmark. Starts a contender, knows its processes, and ends them all: each one is a process group of its own.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { contenders } from '../contenders/index.js';
import { cpuTime, reapedTime } from './proc.js';

const START_LIMIT = 60_000;
const running = new Set();

process.on('exit', () => {
  for (const server of running) server.kill();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

export class Server {
  /** Pids of serving workers, in the order they said so; one that has gone stays listed. */
  workers = [];
  #waiters = new Set();
  #errors = '';
  #cpuTime;

  constructor(contender, { workers, app, env, nodeFlags = [] }) {
    this.nodeFlags = nodeFlags;
    const { script, workers: fixed, env: own } = contenders[contender];
    this.count = fixed ?? workers;
    this.folder = mkdtempSync(join(tmpdir(), 'prefork-bench-'));
    const place = { TMPDIR: this.folder, PM2_HOME: this.folder };
    this.env = {
      ...process.env,
      ...place,
      ...(app ? { BENCH_APP: app } : {}),
      ...own,
      ...env,
      BENCH_WORKERS: String(this.count),
    };
    for (const name of ['WEB_CONCURRENCY', ...(env ? [] : ['NODE_COMPILE_CACHE'])]) delete this.env[name];
    this.script = join(import.meta.dirname, '..', 'contenders', script);
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid() {
    return this.child.pid;
  }

  /** All its processes. */
  get pids() {
    return [...new Set([this.pid, ...this.workers])];
  }

  /** Milliseconds of processor time that they used, as far as this process will not learn it by reaping them. */
  cpuTime() {
    if (this.#cpuTime !== undefined) return this.#cpuTime;
    return cpuTime(this.pids) + reapedTime(this.pid);
  }

  async start() {
    this.port = await freePort();
    this.env.BENCH_PORT = String(this.port);
    this.child = spawn(process.execPath, [...this.nodeFlags, this.script], { env: this.env, detached: true });
    running.add(this);
    this.exited = new Promise((resolve) => this.child.once('close', resolve));
    this.child.once('error', (error) => this.#fail(error));
    this.child.once('exit', (code, signal) => this.#fail(new Error(`It ended (${signal ?? code})\n${this.#errors}`)));
    this.child.stderr.on('data', (chunk) => {
      this.#errors = (this.#errors + chunk).slice(-2000);
    });
    createInterface(this.child.stdout).on('line', (line) => this.#heard(line));
    await this.serving(this.count);
  }

  #heard(line) {
    const pid = /ready (\d+)/.exec(line)?.[1];
    if (pid === undefined) return;
    this.workers.push(Number(pid));
    for (const waiter of this.#waiters) waiter.check();
  }

  #fail(error) {
    for (const waiter of this.#waiters) waiter.reject(error);
  }

  /** Resolves, with the time, when so many workers in total have said that they serve. */
  async serving(count, limit = START_LIMIT) {
    if (this.workers.length >= count) return performance.now();
    let waiter;
    let timer;
    try {
      return await new Promise((resolve, reject) => {
        waiter = { reject, check: () => this.workers.length >= count && resolve(performance.now()) };
        timer = setTimeout(
          reject,
          limit,
          new Error(`${this.workers.length} of ${count} workers serve after ${limit} ms`),
        );
        this.#waiters.add(waiter);
      });
    } finally {
      clearTimeout(timer);
      this.#waiters.delete(waiter);
    }
  }

  kill() {
    running.delete(this);
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // it has gone
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  async stop() {
    this.#cpuTime = cpuTime(this.pids.filter((pid) => pid !== this.pid));
    this.kill();
    await this.exited;
  }
}

/** Below the range that outgoing connections use, so that none of them takes it in between. */
async function freePort() {
  for (let tries = 0; tries < 100; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if (await isFree(port)) return port;
  }
  throw new Error('No free port between 20000 and 30000');
}

function isFree(port) {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
