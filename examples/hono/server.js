// A Hono app, preforked. Run: PORT=8080 node server.js
// Try: curl http://127.0.0.1:8080  (again and again: the pid changes with the worker)

import { getRequestListener } from '@hono/node-server';
import { prefork } from '@prefork/core';
import { Hono } from 'hono';

const port = process.env.PORT || 8080;
const app = new Hono();

app.get('/', (c) => c.text(`Hello from worker ${process.pid}\n`));

// Without Prefork: serve({ fetch: app.fetch, port, hostname: '127.0.0.1' });
prefork(getRequestListener(app.fetch)).listen(port, '127.0.0.1');
