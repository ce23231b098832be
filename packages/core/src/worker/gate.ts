// Worker. Polling of the listening sockets, and taking connections from them. The inherited descriptors stay as they are:
// the gate opens on duplicates, so that closing it leaves the accept queue to the other workers.

import { closeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { descriptorLimit } from '../posix/process.js';
import { acceptConnection, waitingConnections } from '../posix/queue.js';
import { duplicate } from '../posix/sockets.js';
import { createSocket, type Handle, handleClass, handleError, openHandle, type SocketOptions, Use } from './handle.js';
import { story } from './story.js';

const OUT_OF_DESCRIPTORS = 'accept EMFILE: too many open files';

/** A listening socket that this worker inherited, and the server that gets its connections. */
export interface Entrance {
  readonly fd: number;
  readonly backlog: number;
  readonly server: SocketOptions;
  /** Whether its connections carry requests. If not, each connection counts as one request until it ends. */
  readonly isHttp: boolean;
  /** Whether it is one of several sockets at this address. */
  readonly isReused: boolean;
  /** Whether the kernel chooses among them by the client's address. */
  readonly isSticky?: boolean;
  /** Gets each connection, once it is counted. */
  connect(socket: Socket): void;
}

export interface GateEvents {
  /** A connection came through the open gate. */
  arrived(entrance: Entrance, socket: Socket): void;
  /** The process is out of descriptors or memory; what waits stays in the accept queue. */
  exhausted(error: Error): void;
}

export interface Queue {
  /** Connections in the accept queues. */
  waiting(): number;
  /** Takes one connection without the gate; `undefined` when there is none. */
  take(): { entrance: Entrance; socket: Socket } | undefined;
}

export interface Gate extends Queue {
  readonly isOpen: boolean;
  open(): void;
  close(): void;
  /** Adds an entrance for a server of the file. It is open if the others are. */
  add?(entrance: Entrance): void;
  /** Accepts no more connections there, and leaves its queue to the other workers. */
  remove?(entrance: Entrance): void;
}

/** @param supply one for all gates of the process. */
export function createGate(entrances: readonly Entrance[], supply: Supply, events: GateEvents): Gate {
  const doors = entrances.map((entrance) => createDoor(entrance, supply, events));
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      close();
      events.exhausted(error as Error);
    }
  };
  let isOpen = false;
  function close(): void {
    if (!isOpen) return;
    isOpen = false;
    for (const door of doors) door.close();
  }
  return {
    get isOpen() {
      return isOpen;
    },
    open() {
      if (isOpen) return;
      isOpen = true;
      attempt(() => {
        for (const door of doors) door.open();
      });
    },
    close,
    add(entrance) {
      attempt(() => {
        const door = createDoor(entrance, supply, events);
        doors.push(door);
        if (isOpen) door.open();
      });
    },
    remove(entrance) {
      const [door] = doors.splice(doors.findIndex((one) => one.entrance === entrance) >>> 0, 1);
      door?.close();
    },
    waiting() {
      let waiting = 0;
      for (const { entrance } of doors) waiting += waitingConnections(entrance.fd);
      return waiting;
    },
    take() {
      for (const { entrance, adopt } of doors) {
        if (doors.length > 1 && waitingConnections(entrance.fd) === 0) continue;
        const fd = acceptOr(entrance, events);
        if (fd === undefined) continue;
        // after this connection is counted, and before the next poll
        if (!supply(fd)) queueMicrotask(() => events.exhausted(new Error(OUT_OF_DESCRIPTORS)));
        return { entrance, socket: adopt(fd) };
      }
      return undefined;
    },
  };
}

/** After a descriptor was used: tells whether another one is free. */
export type Supply = (taken: number) => boolean;

/**
 * An open gate must not meet EMFILE: libuv would accept and close all waiting connections. The kernel gives out the lowest
 * free descriptor, so a high number is a warning. After that there may be free ones below it, and only a trial shows it.
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

interface Door {
  readonly entrance: Entrance;
  open(): void;
  close(): void;
  /** Makes a socket of an accepted descriptor. */
  adopt(fd: number): Socket;
}

/** Does what `net.Server` does, without making one: opening and closing a server took half of the time of a hand-over. */
function createDoor(entrance: Entrance, supply: Supply, events: GateEvents): Door {
  const { fd, backlog, server } = entrance;
  const Handle = handleClass(duplicate(fd), backlog);
  let handle: Handle | undefined;
  function socketOf(client: Handle): Socket {
    const socket = createSocket(client, server);
    story?.arrived(server, socket);
    return socket;
  }
  function connected(status: number, client: Handle): void {
    if (status !== 0) return events.exhausted(handleError('accept', status));
    events.arrived(entrance, socketOf(client));
    if (!supply(client.fd)) events.exhausted(new Error(OUT_OF_DESCRIPTORS));
  }
  return {
    entrance,
    open() {
      const own = duplicate(fd);
      if (!supply(own)) {
        closeSync(own);
        throw new Error(OUT_OF_DESCRIPTORS);
      }
      handle = openHandle(Handle, Use.listening, own);
      handle.onconnection = connected;
      const status = handle.listen(backlog);
      if (status !== 0) throw handleError('listen', status);
    },
    close() {
      handle?.close();
      handle = undefined;
    },
    adopt: (accepted) => socketOf(openHandle(Handle, Use.connection, accepted)),
  };
}

function acceptOr(entrance: Entrance, events: GateEvents): number | undefined {
  try {
    return acceptConnection(entrance.fd);
  } catch (error) {
    events.exhausted(error as Error);
    return undefined;
  }
}
