// Worker of the command. `close` of an http server that the file has made. Node ends idle connections at once, even one whose first
// request is on its way. Here idle connections stay open a moment longer, so that a file that closes its server loses no request.

import type { Server } from 'node:http';

/** How long an idle connection stays open. Milliseconds. */
const LINGER = 1_000;

type Emit = (event: string, ...args: unknown[]) => boolean;

/** From now on `close` of this server lets idle connections linger; `closeIdleConnections` itself does not. */
export function closeGently(server: Server): void {
  const { close, closeIdleConnections } = server;
  // a server of http2 has no such method: its sessions end by GOAWAY
  if (!closeIdleConnections) return;
  let isClosing = false;
  server.close = function (...args) {
    isClosing = true;
    try {
      return Reflect.apply(close, this, args);
    } finally {
      isClosing = false;
    }
  };
  server.closeIdleConnections = function () {
    if (isClosing && this.listening) linger(this, closeIdleConnections);
    else Reflect.apply(closeIdleConnections, this, []);
  };
}

function linger(server: Server, closeIdleConnections: Server['closeIdleConnections']): void {
  const emit = server.emit as Emit;
  const refuse: Emit = (event, ...args) => {
    if (event === 'request') (args[1] as { shouldKeepAlive: boolean }).shouldKeepAlive = false;
    return Reflect.apply(emit, server, [event, ...args]);
  };
  server.emit = refuse;
  const timer = setInterval(() => Reflect.apply(closeIdleConnections, server, []), LINGER).unref();
  server.once('close', () => {
    clearInterval(timer);
    // it may listen again
    if (server.emit === refuse) server.emit = emit;
  });
}
