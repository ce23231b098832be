// Manager. Socket activation: which location takes which of the sockets that systemd has bound and passed on,
// sd_listen_fds(3). The descriptors stay open and the files stay where they are: both are systemd's.

import { lookup } from 'node:dns/promises';
import { resolve } from 'node:path';
import { PreforkError } from '../errors.js';
import type { Location } from '../location.js';
import { locationAt } from '../locations.js';
import { boundAddress, isListening } from '../posix/sockets.js';
import { takeVariables } from './environment.js';

/** A socket that systemd has bound. */
export interface ActivatedSocket {
  readonly fd: number;
  /** Its descriptor as systemd passed it; in the next manager of an upgrade it has another. */
  readonly number: number;
  readonly name: string;
}

/** A location, and the socket that it takes. Without a socket the manager binds one. */
export interface Place {
  readonly location: Location;
  readonly activated?: ActivatedSocket;
}

const FIRST = 3; // SD_LISTEN_FDS_START
const VARIABLES = ['LISTEN_PID', 'LISTEN_PIDFDID', 'LISTEN_FDS', 'LISTEN_FDNAMES'];

/**
 * What systemd passed to this very process. The first server of a script takes it all.
 *
 * @throws PreforkError `ERR_PREFORK_ACTIVATION` for what is no listening socket.
 */
export function takeActivated(): { sockets: ActivatedSocket[]; giveBack(): void } {
  const { LISTEN_PID, LISTEN_FDS = '', LISTEN_FDNAMES } = process.env;
  if (LISTEN_PID !== String(process.pid)) return { sockets: [], giveBack() {} };
  if (!/^\d{1,6}$/.test(LISTEN_FDS)) {
    throw unusable(`Expected the environment variable \`LISTEN_FDS\` to be a count, got \`${LISTEN_FDS}\``);
  }
  const names = LISTEN_FDNAMES?.split(':') ?? [];
  const sockets = Array.from({ length: Number(LISTEN_FDS) }, (_, i) => ({
    fd: FIRST + i,
    number: FIRST + i,
    name: names[i] ?? 'unknown',
  }));
  const wrong = sockets.find(({ fd }) => !isListening(fd));
  if (wrong) {
    const which = `Descriptor ${wrong.number} from systemd, "${wrong.name}",`;
    throw unusable(`${which} is no listening stream socket: use ListenStream= with Accept=no`);
  }
  return { sockets, giveBack: takeVariables(VARIABLES) };
}

/**
 * A location takes the sockets that it names, else those at its address. The sockets left over go in order to the locations without
 * a socket; the last of these takes all the rest. Sockets that no location takes are served as plain http.
 *
 * @throws PreforkError `ERR_PREFORK_ACTIVATION` for a name that no socket has.
 */
export async function assign(
  locations: readonly Location[],
  sockets: readonly ActivatedSocket[],
  backlog: number,
): Promise<Place[]> {
  const rest = [...sockets];
  const places = new Map<Location, ActivatedSocket[]>();
  const take = (location: Location, own: ActivatedSocket[]) => {
    places.set(location, own);
    for (const socket of own) rest.splice(rest.indexOf(socket), 1);
  };
  for (const location of locations) {
    take(
      location,
      rest.filter(({ number, name }) => location.fd === number || location.fd === name),
    );
    if (typeof location.fd === 'string' && places.get(location)?.length === 0) throw missing(location.fd, rest);
  }
  for (const location of locations) {
    const isOne = location.fd === undefined && !location.numbered;
    if (isOne && rest.length > 0) take(location, await atAddress(location, rest));
  }
  const open = locations.filter(
    (location) => location.fd === undefined && !location.numbered && places.get(location)?.length === 0,
  );
  for (const [i, location] of open.entries()) take(location, rest.slice(0, i === open.length - 1 ? undefined : 1));
  return [
    ...locations.flatMap((location): Place[] => {
      const own = places.get(location) ?? [];
      return own.length === 0 ? [{ location }] : own.map((activated) => ({ location, activated }));
    }),
    ...rest.map((activated) => ({
      location: locationAt(boundAddress(activated.fd), 'http', { backlog, ipv6Only: false }),
      activated,
    })),
  ];
}

async function atAddress({ path, host, port }: Location, sockets: readonly ActivatedSocket[]) {
  if (path !== undefined) {
    const absolute = path.startsWith('\0') ? path : resolve(path);
    return sockets.filter(({ fd }) => boundAddress(fd) === absolute);
  }
  const atPort = sockets.flatMap((socket) => {
    const bound = boundAddress(socket.fd);
    return typeof bound === 'object' && bound.port === port ? [{ socket, address: bound.address }] : [];
  });
  if (atPort.length === 0) return [];
  const wanted = (host === undefined ? [{ address: '::' }] : await lookup(host, { all: true })).map(everyAsOne);
  return atPort.filter((bound) => wanted.includes(everyAsOne(bound))).map(({ socket }) => socket);
}

/** systemd's `ListenStream=8080` is [::]:8080, which takes IPv4 as well. */
function everyAsOne({ address }: { address: string }): string {
  return address === '0.0.0.0' ? '::' : address;
}

function missing(name: string, rest: readonly ActivatedSocket[]): PreforkError {
  const others = rest.map((socket) => `"${socket.name}"`).join(', ');
  const hint = `set FileDescriptorName=${name} in the socket unit, or leave \`fd=${name}\` away`;
  return unusable(`systemd passed no socket "${name}"${others && `, but ${others}`}: ${hint}`);
}

function unusable(message: string): PreforkError {
  return new PreforkError('ERR_PREFORK_ACTIVATION', message);
}
