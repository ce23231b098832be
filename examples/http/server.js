// Node's own http, preforked. Run: PORT=8080 node server.js
// Try: curl http://127.0.0.1:8080  (again and again: the pid changes with the worker)

import { prefork } from '@prefork/core';

const port = process.env.PORT || 8080;

const server = prefork((req, res) => {
  res.setHeader('Content-Type', 'text/plain');
  res.end(`Hello from worker ${process.pid}, you asked for ${req.url}\n`);
});

server.listen(port, '127.0.0.1');
