// Both processes. The class of libuv's handles, `TCP` or `Pipe`, which Node does not export. It is read from a server that has such
// a handle for a moment. The server is closed in the same tick and never polls.

import net from 'node:net';

/**
 * @param fd a listening socket. The descriptor is closed.
 * @param backlog the one that the socket has: Node calls listen(2) again with it
 * @returns nothing where Node has changed
 */
export function handleClassOf(fd: number, backlog: number): { readonly prototype: object } | undefined {
  const server: net.Server & { _handle?: { readonly constructor: { readonly prototype: object } } | null } =
    net.createServer();
  // with a descriptor Node takes the backlog of the second argument only
  server.listen({ fd, exclusive: true }, backlog);
  const found = server._handle?.constructor;
  server.close();
  return found;
}
