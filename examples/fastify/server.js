// A Fastify app, preforked. Run: PORT=8080 node server.js
// Try: curl http://127.0.0.1:8080  (again and again: the pid changes with the worker)

import { prefork } from '@prefork/core';
import Fastify from 'fastify';

const port = process.env.PORT || 8080;
const app = Fastify();

app.get('/', async () => `Hello from worker ${process.pid}\n`);

// Plugins are loaded before a worker takes connections
await app.ready();

// Without Prefork: app.listen({ port, host: '127.0.0.1' });
const server = prefork(app.routing);
server.on('drain', () => app.close()); // the app's onClose hooks
server.listen(port, '127.0.0.1');
