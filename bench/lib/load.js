// Benchmark. Puts load on a server, with wrk where it is installed, else with autocannon, which is installed on
// demand; in a process of its own.

import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { install } from './node.js';

const CLOSE = 'Connection: close';

/**
 * Seconds of load until V8 has compiled the hot code of four workers, and is done with compiling it again. A request's CPU
 * falls to less than half, nearly all of it in the first ten.
 */
export const WARM_UP = 20;

function hasWrk() {
  try {
    execFileSync('wrk', ['--version'], { stdio: 'ignore', timeout: 5000 });
  } catch (error) {
    return error.code !== 'ENOENT'; // its exit status for --version is 1
  }
  return true;
}

export const tool = hasWrk() ? 'wrk' : 'autocannon';

/**
 * @param options - `close`: a new connection for each request; `script`: a Lua file for wrk, with `paths`, the same requests
 * for autocannon
 * @returns requests, requests per second, latencies in milliseconds, errors
 */
export function load(url, { seconds, connections = 64, close = false, script, paths }) {
  return tool === 'wrk'
    ? wrk(url, { seconds, connections, close, script })
    : autocannon(url, { seconds, connections, close, paths });
}

function run(file, args, seconds) {
  return new Promise((resolve, reject) => {
    const limits = { timeout: (seconds + 20) * 1000, killSignal: 'SIGKILL', maxBuffer: 1 << 24 };
    execFile(file, args, limits, (error, stdout) => (error ? reject(error) : resolve(stdout)));
  });
}

async function wrk(url, { seconds, connections, close, script }) {
  const flags = [...(close ? ['-H', CLOSE] : []), ...(script ? ['-s', script] : [])];
  const args = ['-t1', `-c${connections}`, `-d${seconds}`, '--timeout', '20s', '--latency', ...flags, url];
  const text = await run('wrk', args, seconds);
  const count = (pattern) => Number(pattern.exec(text)?.[1] ?? 0);
  const latency = (percent) => {
    const [, value, unit] = new RegExp(`^ +${percent}% +([\\d.]+)(us|ms|s|m)$`, 'm').exec(text) ?? [];
    return Number(value) * { us: 1e-3, ms: 1, s: 1e3, m: 6e4 }[unit ?? 'ms'];
  };
  const [, ...errors] = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text) ?? [];
  return {
    requests: count(/(\d+) requests in/),
    rps: count(/Requests\/sec: +([\d.]+)/),
    p50: latency(50),
    p99: latency(99),
    errors: errors.reduce((sum, value) => sum + Number(value), count(/Non-2xx or 3xx responses: (\d+)/)),
  };
}

async function autocannon(url, { seconds, connections, close, paths }) {
  const module = join(install('autocannon', '8'), 'autocannon.js');
  const headers = close ? { connection: 'close' } : {};
  const options = { module, url, connections, duration: seconds, timeout: 20, headers, paths };
  const script = join(import.meta.dirname, 'autocannon.js');
  const result = JSON.parse(await run(process.execPath, [script, JSON.stringify(options)], seconds));
  return {
    requests: result.requests.total,
    rps: result.requests.total / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    errors: result.errors + result.non2xx,
  };
}
