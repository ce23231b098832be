// A Koa app over http2, preforked. Run: PORT=8080 node server.js, and with TLS: CERT=cert.pem KEY=key.pem node server.js
// Try: curl --http2-prior-knowledge http://127.0.0.1:8080  (h2c: http2 in the clear, which no browser speaks)
//      curl --insecure https://127.0.0.1:8080  (h2; HTTP/1.1 for who has nothing newer)

import http2 from 'node:http2';
import { preforkKoa } from '@prefork/koa';
import Koa from 'koa';

const { PORT: port = '8080', CERT, KEY } = process.env;
const app = new Koa();

app.use((ctx) => {
  ctx.body = `Hello over HTTP/${ctx.req.httpVersion} from worker ${process.pid}\n`;
});

/** The server of each worker; `secure` has the certificate and all else that TLS needs. */
function createServer(listener, { secure }) {
  if (!secure) return http2.createServer(listener);
  return http2.createSecureServer({ allowHTTP1: true, ...secure }, listener);
}

const location = CERT
  ? `https://127.0.0.1:${port}?${new URLSearchParams({ cert: CERT, key: KEY })}`
  : `http://127.0.0.1:${port}`;

// Without Prefork: createServer(app.callback(), ...).listen(port, '127.0.0.1');
preforkKoa(app, { createServer }).listen([location]);
