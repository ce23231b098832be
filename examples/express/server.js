// An Express app, preforked. Run: PORT=8080 node server.js
// Try: curl http://127.0.0.1:8080  (again and again: the pid changes with the worker)
//      curl http://127.0.0.1:8080/slow  and meanwhile: kill -QUIT <pid of the manager>  (it is still answered)

import { setTimeout as sleep } from 'node:timers/promises';
import { preforkExpress } from '@prefork/express';
import express from 'express';

const port = process.env.PORT || 8080;
const app = express();

app.get('/', (_req, res) => {
  res.type('text').send(`Hello from worker ${process.pid}\n`);
});

app.get('/slow', async (_req, res) => {
  await sleep(5000);
  res.type('text').send(`Slowly, from worker ${process.pid}\n`);
});

// Without Prefork: app.listen(port, '127.0.0.1');
preforkExpress(app).listen(port, '127.0.0.1');
