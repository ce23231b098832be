// Server. Watt: an application server whose workers are threads, each with a listening socket of its own (SO_REUSEPORT). Only
// `--watt` installs it.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appName, host, leash, port, workers } from './common.js';

leash();
const folder = join(tmpdir(), 'watt');
const app = new URL(`../apps/${appName}.js`, import.meta.url).href;
mkdirSync(folder);
symlinkSync(process.env.BENCH_WATT, join(folder, 'node_modules'));
writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
writeFileSync(
  join(folder, 'watt.json'),
  JSON.stringify({
    module: '@platformatic/node',
    runtime: {
      server: { hostname: host, port },
      workers: { static: workers },
      logger: { level: 'error' },
      managementApi: false,
    },
    node: { main: 'server.js' },
  }),
);
writeFileSync(
  join(folder, 'server.js'),
  `import { writeSync } from 'node:fs';
  import { createServer } from 'node:http';
  import { listener } from '${app}';
  export function create() {
    return createServer(listener).once('listening', () => writeSync(1, 'ready ${process.pid}\\n'));
  }`,
);
process.argv.splice(2, Number.POSITIVE_INFINITY, 'start', folder);
await import(join(process.env.BENCH_WATT, 'wattpm', 'bin', 'cli.js'));
