// A server that can be looked into. Run: PORT=8080 node server.js
// Try: a browser at http://127.0.0.1:8080/status, curl http://127.0.0.1:8080/status.prom, prefork status --watch
// Prometheus: prometheus --config.file=prometheus.yml; Grafana: import dashboard.json

import { readyHandler, statusHandler } from '@prefork/core';
import { preforkExpress } from '@prefork/express';
import express from 'express';

const port = process.env.PORT || 8080;

const app = express();
const server = preforkExpress(app);

// before other routes; on a machine that others reach, behind your own authentication
app.use(['/status', '/status.prom', '/status.json'], statusHandler(server));
app.use('/ready', readyHandler(server));

app.get('/', (_req, res) => {
  res.send(`Hello from worker ${server.workerId}\n`);
});

// some variety to look at
app.get('/slow', (_req, res) => {
  setTimeout(() => res.send('slow\n'), Math.random() * 200);
});

server.listen(port, '127.0.0.1');
