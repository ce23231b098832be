// The folder `examples`, each as its own server.

import { fileURLToPath } from 'node:url';
import { startServer } from './server.js';

/** Starts an example on a free port of 127.0.0.1. */
export function startExample(t, name, env = {}) {
  const script = fileURLToPath(new URL(`../../examples/${name}/server.js`, import.meta.url));
  return startServer(t, script, { env: { PORT: '0', WEB_CONCURRENCY: '2', REDIS_URL: undefined, ...env } });
}
