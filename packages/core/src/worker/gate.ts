// Worker. Polling of the listening sockets, and taking connections from them. The inherited descriptors stay as they are:
// the gate opens on duplicates, so that closing it leaves the accept queue to the other workers.

import { closeSync } from 'node:fs';
import net from 'node:net';
import { acceptConnection, descriptorLimit, duplicate, waitingConnections } from '../posix.js';

const OUT_OF_DESCRIPTORS = 'accept EMFILE: too many open files';

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

export interface Queue {
  /** Connections in the accept queues. */
  waiting(): number;
  /** Takes one connection without the gate; `undefined` when there is none. */
  take(): { entrance: Entrance; socket: net.Socket } | undefined;
}

export interface Gate extends Queue {
  readonly isOpen: boolean;
  open(): void;
  close(): void;
}

/** @param supply one for all gates of the process. */
export function createGate(entrances: readonly Entrance[], supply: Supply, events: GateEvents): Gate {
  const doors = entrances.map((entrance) => ({ entrance, door: createDoor(entrance, supply, events) }));
  let isOpen = false;
  function close(): void {
    if (!isOpen) return;
    isOpen = false;
    for (const { door } of doors) door.close();
  }
  return {
    get isOpen() {
      return isOpen;
    },
    open() {
      if (isOpen) return;
      isOpen = true;
      try {
        for (const { entrance, door } of doors) openDoor(door, entrance, supply);
      } catch (error) {
        close();
        events.exhausted(error as Error);
      }
    },
    close,
    waiting() {
      let waiting = 0;
      for (const { fd } of entrances) waiting += waitingConnections(fd);
      return waiting;
    },
    take() {
      for (const { entrance, door } of doors) {
        if (doors.length > 1 && waitingConnections(entrance.fd) === 0) continue;
        const fd = acceptOr(entrance, events);
        if (fd === undefined) continue;
        // once this connection is counted, and before the next poll
        if (!supply(fd)) queueMicrotask(() => events.exhausted(new Error(OUT_OF_DESCRIPTORS)));
        return { entrance, socket: adopt(fd, entrance, door) };
      }
      return undefined;
    },
  };
}

/** Tells after a descriptor was taken whether there is one more. */
export type Supply = (taken: number) => boolean;

/**
 * An open gate must not meet EMFILE: libuv would then accept and close all that waits. Descriptors are handed out lowest
 * first, so the last ones tell; once they were reached there may be holes below them, and only a trial tells.
 *
 * @param fd any open descriptor, to try with.
 */
export function createSupply(fd: number): Supply {
  const last = descriptorLimit() - 2;
  let isTight = false;
  return (taken) => {
    if (taken >= last) isTight = true;
    if (!isTight) return true;
    try {
      closeSync(duplicate(fd));
      return true;
    } catch {
      return false;
    }
  };
}

function openDoor(door: net.Server, { fd, backlog }: Entrance, supply: Supply): void {
  const own = duplicate(fd);
  if (!supply(own)) {
    closeSync(own);
    throw new Error(OUT_OF_DESCRIPTORS);
  }
  door.listen({ fd: own, backlog, exclusive: true });
}

function createDoor(entrance: Entrance, supply: Supply, events: GateEvents): net.Server {
  const { noDelay, keepAlive, keepAliveInitialDelay } = entrance.socketOptions;
  // an http server's sockets must stay writable after the client's FIN
  const door = net.createServer({ allowHalfOpen: true, noDelay, keepAlive, keepAliveInitialDelay });
  door.on('connection', (socket) => {
    events.arrived(entrance, socket);
    if (!supply((socket as HandleOwner)._handle?.fd ?? 0)) events.exhausted(new Error(OUT_OF_DESCRIPTORS));
  });
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
  readonly fd: number;
  open(fd: number): void;
}
type HandleOwner = { _handle?: (StreamHandle & { constructor: new (type: 0) => StreamHandle }) | null };

/** A socket as `net.Server` would have made it. */
function adopt(fd: number, { socketOptions }: Entrance, door: net.Server): net.Socket {
  const kind = (door as HandleOwner)._handle?.constructor;
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
