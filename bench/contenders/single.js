// Server. What everybody starts with: one process.

import { createServer } from 'node:http';
import { host, leash, loadApp, port, ready } from './common.js';

leash();
// an exit, not a death: only that writes the compile cache
process.once('SIGTERM', () => process.exit());
const { listener } = await loadApp();
createServer(listener).listen(port, host, () => ready());
