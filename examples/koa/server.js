// A Koa app, preforked. Run: PORT=8080 node server.js
// Try: curl http://127.0.0.1:8080  (again and again: the pid changes with the worker)

import { preforkKoa } from '@prefork/koa';
import Koa from 'koa';

const port = process.env.PORT || 8080;
const app = new Koa();

app.use((ctx) => {
  ctx.body = `Hello from worker ${process.pid}\n`;
});

// Without Prefork: app.listen(port, '127.0.0.1');
preforkKoa(app).listen(port, '127.0.0.1');
