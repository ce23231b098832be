// A WebSocket echo next to an Express route, on one port. Run: PORT=8080 node server.js
// Try: open http://127.0.0.1:8080 in a browser and write to a worker, or
//      curl --http1.1 -i -N -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
//        -H 'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==' http://127.0.0.1:8080  (101, then a greeting)

import { preforkExpress } from '@prefork/express';
import express from 'express';
import { WebSocketServer } from 'ws';

const port = process.env.PORT || 8080;
const app = express();

app.get('/', (_req, res) => {
  res.sendFile('index.html', { root: import.meta.dirname });
});

const server = preforkExpress(app);

server.on('server', (httpServer) => {
  new WebSocketServer({ server: httpServer }).on('connection', (socket) => {
    socket.on('error', console.error);
    socket.on('message', (data) => socket.send(`Worker ${process.pid} heard: ${data}`));
    socket.send(`You talk to worker ${process.pid}`);
  });
});

server.listen(port, '127.0.0.1');
