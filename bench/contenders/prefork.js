// Server. The product, with default options but `accepts: 0`; BENCH_LOCK=off lets all workers accept.

import { appName, host, leash, loadApp, port, ready, workers } from './common.js';

const log = { info() {}, warn: console.error, error: console.error };
const options = { workers, accepts: 0, log, ...(process.env.BENCH_LOCK === 'off' ? { acceptLock: false } : {}) };
const adapters = {
  express: async () => (await import('@prefork/express')).preforkExpress,
  koa: async () => (await import('@prefork/koa')).preforkKoa,
  http: async () => (await import('@prefork/core')).prefork,
};
// both at once, as a program that imports them at its top
const [{ app }, wrap] = await Promise.all([loadApp(), adapters[appName]()]);
const server = wrap(app, options);
server.on('healthy', ready);
server.listen(port, host);
if (server.isManager) leash();
