// Server. What each contender is told in its environment, and what it tells: a line on stdout for each serving worker.

export const host = '127.0.0.1';
export const port = Number(process.env.BENCH_PORT ?? 8080);
export const workers = Number(process.env.BENCH_WORKERS ?? 2);
export const appName = process.env.BENCH_APP ?? 'express';

/** @returns the app, and it as a request listener */
export const loadApp = () => import(`../apps/${appName}.js`);

/** A worker serves. */
export function ready(pid = process.pid) {
  process.stdout.write(`ready ${pid}\n`);
}

/** Called by the parent process: when the benchmark dies, however it does, its servers do. */
export function leash() {
  process.stdin.resume().once('close', () => {
    try {
      process.kill(-process.pid, 'SIGKILL');
    } catch {
      process.exit(); // started by hand, in somebody else's process group
    }
  });
}
