// A chat over WebSockets. Run: PORT=8080 node server.js
// Try: open http://127.0.0.1:8080 in two windows
// Two clients may be in two workers, and workers share nothing. With REDIS_URL=redis://127.0.0.1:6379 they hear each other
// through Redis, on this machine and on others. Without it there is one worker, in which all clients meet.

import { createReadStream } from 'node:fs';
import { prefork } from '@prefork/core';
import { createClient } from 'redis';
import { WebSocketServer } from 'ws';

const { PORT: port = '8080', REDIS_URL: url } = process.env;
const page = new URL('index.html', import.meta.url);
const clients = new Set();

const server = prefork(
  (_req, res) => {
    res.setHeader('Content-Type', 'text/html; charset=utf-8');
    createReadStream(page).pipe(res);
  },
  url ? {} : { workers: 1 },
);

/** To the clients of this worker. */
function deliver(text) {
  for (const client of clients) client.send(text);
}

/** To everybody. */
let say = deliver;

if (!url && server.isManager) console.error('REDIS_URL is not set: one worker, and nobody from other machines');
if (url && server.isWorker) {
  const redis = createClient({ url }).on('error', console.error);
  const ears = redis.duplicate().on('error', console.error);
  await Promise.all([redis.connect(), ears.connect()]);
  await ears.subscribe('chat', deliver);
  say = (text) => redis.publish('chat', text).catch(console.error);
  server.on('drain', () => Promise.all([redis.close(), ears.close()]));
}

server.on('server', (httpServer) => {
  new WebSocketServer({ server: httpServer, maxPayload: 4096 }).on('connection', (client) => {
    clients.add(client);
    client.on('close', () => clients.delete(client));
    client.on('error', console.error);
    client.on('message', (data) => say(`${data}`));
  });
});

server.listen(port, '127.0.0.1');
