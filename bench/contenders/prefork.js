// Server. The product, with default options but `accepts: 0`; BENCH_LOCK=off lets all workers accept.

import { appName, host, leash, loadApp, port, ready, workers } from './common.js';

const log = { info() {}, warn: console.error, error: console.error };
const options = { workers, accepts: 0, log, ...(process.env.BENCH_LOCK === 'off' ? { acceptLock: false } : {}) };
const { app } = await loadApp();
const server = await wrap();
server.on('healthy', ready);
server.listen(port, host);
if (server.isManager) leash();

async function wrap() {
  if (appName === 'express') return (await import('@prefork/express')).preforkExpress(app, options);
  if (appName === 'koa') return (await import('@prefork/koa')).preforkKoa(app, options);
  return (await import('@prefork/core')).prefork(app, options);
}
