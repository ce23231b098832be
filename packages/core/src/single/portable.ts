// The one process of `single` on another system than Linux: Node's own `listen` in place of the premises and the gate. A worker that is
// full closes its gate and leaves newcomers in the accept queue. Here the queue is closed with it, and newcomers are refused.

import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { monotonic } from '../clock.js';
import type { BoundLocation } from '../handover.js';
import type { Location } from '../location.js';
import { enterFolder } from '../manager/folder.js';
import { readSecrets } from '../manager/secrets.js';
import type { Settings } from '../options.js';
import { SCOREBOARD_BYTES, Scoreboard } from '../scoreboard.js';
import { Stats } from '../stats.js';
import { STATS_BYTES } from '../stats-layout.js';
import type { Entrance, Gate, GateEvents } from '../worker/gate.js';
import { tune } from '../worker/handle.js';
import { story } from '../worker/story.js';
import { ALONE, beginRecord, type SinglePost } from './alone.js';

/** A socket on which Node listens, and the connections that came before a server was there. */
interface Door {
  readonly server: net.Server;
  readonly location: BoundLocation;
  readonly early: Socket[];
}

/** @throws what `net.Server` fails with; nothing is left behind. */
export async function openPost({ directory }: Settings, locations: readonly Location[]): Promise<SinglePost> {
  enterFolder(directory);
  const doors: Door[] = [];
  const close = () => {
    for (const { server } of doors) server.close();
  };
  try {
    for (const location of locations) doors.push(await openDoor(location));
  } catch (error) {
    close();
    throw error;
  }
  const stats = new Stats(new Float64Array(STATS_BYTES / 8), 0);
  stats.open(monotonic());
  beginRecord(stats);
  return {
    ...ALONE,
    stats,
    recorder: stats.recorder(ALONE.slot),
    board: new Scoreboard(new Uint32Array(SCOREBOARD_BYTES / 4)),
    locations: doors.map(({ location }) => location),
    sockets: doors.map((_, i) => [i]),
    createGate: (entrances, events) => createPortableGate(doors, entrances, events),
    close,
    ensurePidFile() {},
    release: close,
  };
}

async function openDoor(location: Location): Promise<Door> {
  const secrets = location.tls && readSecrets(location.tls);
  const server = net.createServer();
  const early: Socket[] = [];
  server.on('connection', (socket) => early.push(socket));
  const { path, host, port, fd, backlog, ipv6Only } = location;
  if (typeof fd === 'string')
    throw new RangeError(`Expected \`fd\` to be a number where there is no systemd, got \`${fd}\``);
  server.listen(fd === undefined ? { path, host, port, backlog, ipv6Only } : { fd });
  await once(server, 'listening');
  const address = server.address() ?? '';
  const url = typeof address === 'string' ? location.url : location.url.replace(/:\d+$/, `:${address.port}`);
  const bound = { ...location, url, address, seats: 1, asked: location, secrets };
  return { server, location: bound, early };
}

function createPortableGate(doors: readonly Door[], entrances: readonly Entrance[], events: GateEvents): Gate {
  let isOpen = false;
  let open = [...doors];
  for (const [i, entrance] of entrances.entries()) {
    const door = doors[i];
    if (!door) continue;
    // what Node keeps of a server's options for its sockets
    const { allowHalfOpen, pauseOnConnect, highWaterMark, noDelay, keepAlive, keepAliveInitialDelay } = entrance.server;
    Object.assign(door.server, { allowHalfOpen, pauseOnConnect, noDelay, keepAlive, keepAliveInitialDelay });
    if (highWaterMark !== undefined) Object.assign(door.server, { highWaterMark });
    const arrived = (socket: Socket) => {
      story?.arrived(entrance.server, socket);
      events.arrived(entrance, socket);
    };
    door.server.removeAllListeners('connection');
    door.server.on('connection', arrived);
    door.server.on('error', (error) => events.exhausted(error));
    for (const socket of door.early.splice(0)) {
      socket.allowHalfOpen = allowHalfOpen ?? false;
      tune(socket, entrance.server);
      setImmediate(() => arrived(socket));
    }
  }
  return {
    get isOpen() {
      return isOpen;
    },
    open() {
      isOpen = true;
      for (const { server, location } of open) if (!server.listening) server.listen(again(location));
    },
    close() {
      isOpen = false;
      for (const { server } of open) server.close();
    },
    remove(entrance) {
      const removed = doors[entrances.indexOf(entrance)];
      removed?.server.close();
      open = open.filter((door) => door !== removed);
    },
    waiting: () => 0,
    take: () => undefined,
  };
}

/** The address that was bound, with the port that the system chose. */
function again({ address, backlog }: BoundLocation): net.ListenOptions {
  return typeof address === 'string'
    ? { path: address, backlog }
    : { host: address.address, port: address.port, backlog };
}
