// Socket.IO with its defaults, long polling first, on several workers: a client comes back to the worker that it knows.
// Run: PORT=8080 node server.js, and open http://127.0.0.1:8080 in a few windows. kill -HUP the server: they stay connected.
//
// Everybody who is on one worker sees what is said there. For all workers, take an adapter of Socket.IO: see examples/chat.

import { preforkExpress } from '@prefork/express';
import express from 'express';
import { Server } from 'socket.io';

const port = process.env.PORT || 8080;

const app = express();
const server = preforkExpress(app);
app.get('/', (_req, res) => {
  res.sendFile('page.html', { root: import.meta.dirname });
});

server.on('server', (own) => {
  const io = new Server(own);
  io.on('connection', (socket) => {
    socket.emit('worker', server.workerId);
    socket.on('say', (text, answer) => {
      io.emit('said', `${socket.id.slice(0, 4)}: ${text}`);
      answer?.(server.workerId);
    });
  });
  // this worker leaves: its clients connect again, and find the next one with its number
  server.once('finish', () => io.engine.close());
});

// by the address of the client, which is enough where clients come from many
server.listen(`http://127.0.0.1:${port}?reuse=1&sticky=1`);
