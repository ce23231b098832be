// Worker. The key of a TLS server's session tickets. It is the same in all workers, and differs by place and by the way to
// ask for client certificates. Otherwise a session of a server that asks for none would be accepted by one that requires it.

import type { Server } from 'node:net';
import { type BoundLocation, locationKey } from '../handover.js';

/** A server of tls, https or http2; the last three are fields that Node keeps of its options. */
interface TicketServer {
  setTicketKeys(keys: Buffer): void;
  readonly ticketKeys?: Buffer;
  readonly requestCert?: boolean;
  readonly rejectUnauthorized?: boolean;
  readonly ca?: unknown;
}

/** An application that has set `ticketKeys` itself keeps them. */
export function shareTickets(server: Server, location: BoundLocation | undefined, seed?: string): void {
  if (!seed || !location || !hasTickets(server) || server.ticketKeys) return;
  const { requestCert, rejectUnauthorized, ca } = server;
  const place = [locationKey(location.asked), requestCert, rejectUnauthorized, String(ca)];
  // loaded already, by TLS
  const { createHmac } = process.getBuiltinModule('node:crypto');
  // exactly the 48 bytes of a key
  const key = createHmac('sha384', Buffer.from(seed, 'base64')).update(JSON.stringify(place)).digest();
  server.setTicketKeys(key);
}

function hasTickets(server: Server): server is Server & TicketServer {
  return 'setTicketKeys' in server;
}
