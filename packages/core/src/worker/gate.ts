// Worker. Polling of the listening sockets, and taking connections from them. The inherited descriptors stay as they are:
// the gate opens on duplicates, so that closing it leaves the accept queue to the other workers.

import net from 'node:net';
import { acceptConnection, duplicate, waitingConnections } from '../posix.js';

/** A listening socket that this worker inherited, and what its connections are made like. */
export interface Entrance {
  readonly fd: number;
  readonly backlog: number;
  readonly socketOptions: { noDelay: boolean; keepAlive: boolean; keepAliveInitialDelay: number };
  /** Gets each connection, once it is counted. */
  connect(socket: net.Socket): void;
}

export interface GateEvents {
  /** A connection came through the open gate. */
  arrived(entrance: Entrance, socket: net.Socket): void;
  /** The process is out of descriptors or memory; what waits stays in the accept queue. */
  exhausted(error: Error): void;
}

export interface Gate {
  readonly isOpen: boolean;
  open(): void;
  close(): void;
  /** Connections in the accept queues. */
  waiting(): number;
  /** Takes one connection without the gate; `undefined` when there is none. */
  take(): { entrance: Entrance; socket: net.Socket } | undefined;
}

export function createGate(entrances: readonly Entrance[], events: GateEvents): Gate {
  const doors = entrances.map((entrance) => createDoor(entrance, events));
  let isOpen = false;
  return {
    get isOpen() {
      return isOpen;
    },
    open() {
      if (isOpen) return;
      isOpen = true;
      for (const [i, door] of doors.entries()) {
        const { fd = -1, backlog } = entrances[i] ?? {};
        door.listen({ fd: duplicate(fd), backlog, exclusive: true });
      }
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      for (const door of doors) door.close();
    },
    waiting() {
      let waiting = 0;
      for (const { fd } of entrances) waiting += waitingConnections(fd);
      return waiting;
    },
    take() {
      for (const [i, entrance] of entrances.entries()) {
        if (entrances.length > 1 && waitingConnections(entrance.fd) === 0) continue;
        const fd = acceptOr(entrance, events);
        if (fd !== undefined) return { entrance, socket: adopt(fd, entrance, doors[i]) };
      }
      return undefined;
    },
  };
}

function createDoor(entrance: Entrance, events: GateEvents): net.Server {
  const { noDelay, keepAlive, keepAliveInitialDelay } = entrance.socketOptions;
  // an http server's sockets must stay writable after the client's FIN
  const door = net.createServer({ allowHalfOpen: true, noDelay, keepAlive, keepAliveInitialDelay });
  door.on('connection', (socket) => events.arrived(entrance, socket));
  door.on('error', (error) => events.exhausted(error));
  return door;
}

function acceptOr(entrance: Entrance, events: GateEvents): number | undefined {
  try {
    return acceptConnection(entrance.fd);
  } catch (error) {
    events.exhausted(error as Error);
    return undefined;
  }
}

/** What Node's own `net.Server` and `net.Socket` stand on. Private, and the same since Node 0.10. */
interface StreamHandle {
  open(fd: number): void;
}
type HandleOwner = { _handle?: { constructor: new (type: 0) => StreamHandle } | null };

/** A socket as `net.Server` would have made it. */
function adopt(fd: number, { socketOptions }: Entrance, door: net.Server | undefined): net.Socket {
  const kind = (door as HandleOwner | undefined)?._handle?.constructor;
  const source = kind ? { handle: open(new kind(0), fd) } : { fd };
  const socket = new net.Socket({ ...source, allowHalfOpen: true, readable: true, writable: true });
  if (socketOptions.noDelay) socket.setNoDelay(true);
  if (socketOptions.keepAlive) socket.setKeepAlive(true, socketOptions.keepAliveInitialDelay);
  return socket;
}

/** Saves `net.Socket` the four calls with which it would find out that a descriptor is a socket: 2 to 4 us. */
function open(handle: StreamHandle, fd: number): StreamHandle {
  handle.open(fd);
  return handle;
}
