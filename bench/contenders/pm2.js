// Server. PM2's cluster mode without its daemon; the same file is its app. AGPL: only `bench:pm2` installs it.

import { createServer } from 'node:http';
import { host, leash, loadApp, port, ready, workers } from './common.js';

if (process.env.NODE_APP_INSTANCE === undefined) {
  leash();
  process.argv.splice(2, Number.POSITIVE_INFINITY, 'start', import.meta.filename, '--raw', '-i', String(workers));
  await import(process.env.BENCH_PM2);
} else {
  const { listener } = await loadApp();
  createServer(listener).listen(port, host, () => ready());
}
