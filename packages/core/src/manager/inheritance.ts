// Manager. What the manager of a hot upgrade hands to the next one: listening sockets, those of systemd, and the PID file with its
// lock. This file writes the list in the old manager and reads it in the next one.

import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { layOutNext, PIPE_FD, readNext, TAKEOVER_FD } from '../descriptors.js';
import { locationKey, readTakeover, succession, type Tickets, writeFacts } from '../handover.js';
import type { Location } from '../location.js';
import type { ActivatedSocket } from './activation.js';
import type { BoundSocket } from './listeners.js';

/** What this manager takes over from an old one. */
export interface Inheritance {
  readonly sockets: ReadonlyMap<string, readonly number[]>;
  /** The sockets among them that the old manager's workers have asked for. */
  readonly onDemand: readonly Location[];
  readonly activated: readonly ActivatedSocket[];
  readonly pidFile?: { path: string; fd: number };
  readonly tickets?: Tickets;
  readonly stats?: { manager: number; fd: number };
  /** Tells the old manager that it may go; `tookOver` is called when it knows. */
  ready(tookOver: () => void): void;
  /** Closes the inherited descriptors. The listening sockets in use are duplicates. The sockets of systemd stay open. */
  close(): void;
}

/** The part of the premises that the next manager takes over. */
interface Possessions {
  readonly sockets: readonly BoundSocket[];
  readonly onDemand: { readonly sockets: readonly BoundSocket[] } | undefined;
  readonly pidFile: { readonly lent: { path: string; fd: number } | undefined };
  readonly tickets: Tickets | undefined;
  readonly stats: { manager: number; fd: number };
}

/** Starts with the descriptors of all that the next manager takes over, the page that says what they are before them. */
export function passOn<T>(
  { sockets, onDemand, pidFile, tickets, stats }: Possessions,
  start: (descriptors: number[]) => T,
): T {
  const { lent } = pidFile;
  const own = sockets.filter(({ activated }) => !activated);
  const given = sockets.filter(({ activated }) => activated);
  const page = writeFacts({
    sockets: own.flatMap(({ fds, location }) => fds.map(() => locationKey(location.asked))),
    onDemand: (onDemand?.sockets ?? []).map(({ location }) => location.asked),
    activated: sockets.flatMap(({ activated: socket }) =>
      socket ? [{ number: socket.number, name: socket.name }] : [],
    ),
    ...(lent ? { pidFile: lent.path } : {}),
    ...(tickets ? { tickets } : {}),
    manager: stats.manager + 1,
  });
  try {
    return start(
      layOutNext({
        takeover: page,
        sockets: own.flatMap(({ fds }) => fds),
        activated: given.flatMap(({ fds }) => fds),
        pidFile: lent?.fd,
        stats: stats.fd,
      }),
    );
  } finally {
    closeSync(page);
  }
}

/** Set in the manager that an upgrade has started, for the server that was upgraded. */
export function takeInheritance(run: number): Inheritance | undefined {
  if (succession?.run !== run) return undefined;
  const takeover = readTakeover();
  const fds = readNext(takeover.sockets.length, takeover.activated.length, takeover.pidFile !== undefined);
  const sockets = new Map<string, number[]>();
  for (const [i, fd] of fds.sockets.entries()) {
    const key = takeover.sockets[i] ?? '';
    sockets.set(key, [...(sockets.get(key) ?? []), fd]);
  }
  const activated = fds.activated.flatMap((fd, i) => takeover.activated.slice(i, i + 1).map((one) => ({ ...one, fd })));
  return {
    sockets,
    ...(takeover.manager === undefined ? {} : { stats: { manager: takeover.manager, fd: fds.stats } }),
    // a manager of an older version has written none
    onDemand: takeover.onDemand ?? [],
    activated,
    ...(takeover.pidFile !== undefined && fds.pidFile !== undefined
      ? { pidFile: { path: takeover.pidFile, fd: fds.pidFile } }
      : {}),
    ...(takeover.tickets ? { tickets: takeover.tickets } : {}),
    ready(tookOver) {
      const pipe = new Socket({ fd: PIPE_FD });
      pipe.on('error', () => {}); // the close follows
      pipe.once('close', tookOver);
      pipe.resume();
      pipe.end('1');
    },
    close() {
      closeSync(TAKEOVER_FD);
      for (const fd of [...sockets.values()].flat()) closeSync(fd);
    },
  };
}
