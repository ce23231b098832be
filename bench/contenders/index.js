// Benchmark. Who takes part: name -> what is run, and with which environment. PRODUCT is what all others are compared
// with. `skip` says why a contender cannot take part; PM2 and Watt take part when asked for.

import { join } from 'node:path';
import { CACHE, nodeVersion } from '../lib/node.js';

export const PRODUCT = 'prefork';

/** For a contender that needs a newer Node than this one may be. */
function needs(what, major, minor) {
  const has = nodeVersion.major > major || (nodeVersion.major === major && nodeVersion.minor >= minor);
  return has ? {} : { skip: `${what} needs Node ${major}.${minor}, this is ${process.version}` };
}

/** Where `bench:pm2` installs it. */
export const PM2 = { name: 'pm2', spec: '7' };
/** Where `--watt` installs it. */
export const WATT = { name: 'wattpm', spec: '3', more: ['@platformatic/node@3'] };
const wattModules = join(CACHE, `${WATT.name}-${WATT.spec}`, 'node_modules');
const pm2Runtime = join(CACHE, `${PM2.name}-${PM2.spec}`, 'node_modules', 'pm2', 'bin', 'pm2-runtime');

export const contenders = {
  prefork: { title: 'Prefork', script: 'prefork.js' },
  'prefork-no-lock': { title: 'Prefork, acceptLock: false', script: 'prefork.js', env: { BENCH_LOCK: 'off' } },
  'prefork-koa': { title: 'Prefork, Koa', script: 'prefork.js', env: { BENCH_APP: 'koa' } },
  single: { title: 'one process', script: 'single.js', workers: 1 },
  'single-koa': { title: 'one process, Koa', script: 'single.js', workers: 1, env: { BENCH_APP: 'koa' } },
  cluster: { title: 'node:cluster round-robin', script: 'cluster.js' },
  'cluster-none': { title: 'node:cluster SCHED_NONE', script: 'cluster.js', env: { BENCH_POLICY: 'none' } },
  shared: { title: 'shared descriptor', script: 'shared.js' },
  'shared-even': { title: 'shared descriptor, spread evenly', script: 'shared.js', env: { BENCH_CLIENTS: '64' } },
  'reuse-port': { title: 'reusePort', script: 'reuse-port.js', ...needs('reusePort', 22, 12) },
  'prefork-cached': { title: 'Prefork, compile cache', script: 'prefork.js', ...needs('The compile cache', 22, 1) },
  'single-cached': {
    title: 'one process, compile cache',
    script: 'single.js',
    workers: 1,
    ...needs('The compile cache', 22, 1),
  },
  pm2: { title: 'PM2 cluster mode', script: 'pm2.js', env: { BENCH_PM2: pm2Runtime } },
  watt: { title: 'Watt', script: 'watt.js', env: { BENCH_WATT: wattModules }, ...needs('Watt', 22, 19) },
};

/** Those that take part when a flag of their name asks for them. */
export const ON_DEMAND = { pm2: PM2, watt: WATT };

/** What a user would run in place of the product, with the same app. */
export const PEERS = ['prefork', 'prefork-no-lock', 'shared', 'cluster', 'cluster-none', 'reuse-port', 'watt'];
