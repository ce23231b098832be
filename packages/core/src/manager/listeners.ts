// Manager. Listen locations -> bound sockets. It never polls one and never accepts: clients queue in the kernel until a
// worker takes them, also while there is none.

import { lookup } from 'node:dns/promises';
import { closeSync, lstatSync, unlinkSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type BoundLocation, locationKey } from '../handover.js';
import type { Location } from '../location.js';
import { locationAt } from '../locations.js';
import { locationOfSeat } from '../numbered.js';
import { setSticky } from '../posix/filters.js';
import { shutDown } from '../posix/queue.js';
import {
  boundAddress,
  duplicate,
  isListening,
  listenSocket,
  type SocketAddress,
  type SocketOptions,
  setNonBlocking,
} from '../posix/sockets.js';
import type { ActivatedSocket, Place } from './activation.js';
import { readSecrets } from './secrets.js';
import { listenUnix } from './unix-socket.js';

/** A location, its listening sockets (one, or with `reuse` several), and a way to remove all of it. */
export interface BoundSocket {
  readonly fds: readonly number[];
  readonly location: BoundLocation;
  /** The descriptor and name from systemd, if systemd bound it. */
  readonly activated?: ActivatedSocket;
  /** `keep` leaves a UNIX socket's path to the next manager. */
  close(keep: boolean): void;
}

/**
 * Binds all or nothing. Certificates are read here, before a worker drops its privileges.
 *
 * @param workers how many sockets a location with `reuse` gets.
 * @param inherited descriptors of the old manager, by {@link locationKey}. Their number does not change: a socket that is bound now
 * would be closed together with its queue if the upgrade failed.
 */
export async function bindAll(
  places: readonly Place[],
  workers: number,
  inherited: ReadonlyMap<string, readonly number[]>,
): Promise<BoundSocket[]> {
  const bound: BoundSocket[] = [];
  try {
    const secrets = places.map(({ location: { tls } }) => tls && readSecrets(tls));
    for (const [i, place] of places.entries()) {
      bound.push(await open(place, workers, inherited, secrets[i]));
    }
    return bound;
  } catch (error) {
    for (const socket of bound) socket.close(inherited.size > 0);
    throw error;
  }
}

/** Sockets that are there already need not be bound. */
async function open(
  { location, activated }: Place,
  workers: number,
  inherited: ReadonlyMap<string, readonly number[]>,
  secrets: BoundLocation['secrets'],
): Promise<BoundSocket> {
  if (activated) return systemds(location, activated, secrets);
  const given = inherited.get(locationKey(location)) ?? (typeof location.fd === 'number' ? [location.fd] : []);
  const fds = given.length > 0 ? given.map(inherit) : await listen(location, workers);
  const socket = ours(location, fds, secrets);
  try {
    if (location.reuse && !location.numbered) steer(location, fds);
    return socket;
  } catch (error) {
    socket.close(inherited.size > 0);
    throw error;
  }
}

/** Sets how the kernel chooses among these sockets. An inherited group may have another setting. */
function steer({ url, sticky = false }: Location, fds: readonly number[]): void {
  try {
    setSticky(fds[0] ?? -1, fds.length, sticky);
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`Expected the kernel to take \`sticky\` for ${url}, it refused: ${message}; leave out \`sticky\``);
  }
}

/** A socket that this server has bound, or has inherited. It deletes the path of a UNIX socket. */
function ours(asked: Location, fds: readonly number[], secrets: BoundLocation['secrets']): BoundSocket {
  const address = boundAddress(fds[0] ?? -1);
  const files = asked.fd === undefined && isFile(asked.path) ? pathsOf(asked, fds.length) : [];
  const inodes = files.map(inodeOf);
  return {
    fds,
    location: { ...asked, url: publicUrl(asked, address), address, seats: fds.length, asked, secrets },
    close(keep) {
      // Before the close: another start may take the path of a socket on which no process listens.
      try {
        for (const [i, path] of files.entries()) if (!keep && inodeOf(path) === inodes[i]) unlinkSync(path);
      } finally {
        for (const fd of fds) {
          // A child process of a worker may have the socket too. It must not keep the port.
          if (!keep && asked.fd === undefined) shutDown(fd);
          closeSync(fd);
        }
      }
    },
  };
}

function pathsOf(location: Location, seats: number): string[] {
  const all = location.numbered
    ? Array.from({ length: seats }, (_, seat) => locationOfSeat(location, seat))
    : [location];
  return all.flatMap(({ path }) => path ?? []);
}

/** A socket that systemd has bound, and keeps. */
function systemds(asked: Location, activated: ActivatedSocket, secrets: BoundLocation['secrets']): BoundSocket {
  const fds = [inherit(activated.fd)];
  const address = boundAddress(activated.fd);
  return {
    fds,
    activated,
    location: { ...moved(asked, address), address, seats: 1, asked, secrets },
    close() {
      for (const fd of fds) closeSync(fd);
    },
  };
}

/** With the port that the kernel chose. */
function publicUrl({ url }: Location, address: AddressInfo | string): string {
  return typeof address === 'string' ? url : url.replace(/:\d+$/, `:${address.port}`);
}

/** A location whose socket systemd has bound where it wanted. */
function moved({ path, host, port, ...rest }: Location, address: AddressInfo | string): Location {
  const { protocol, backlog, ipv6Only } = rest;
  return { ...rest, ...locationAt(address, protocol, { backlog, ipv6Only }) };
}

async function listen(location: Location, workers: number): Promise<number[]> {
  const first = await listenOnce(location.numbered ? locationOfSeat(location, 0) : location);
  const fds = [first];
  try {
    while (location.numbered && fds.length < workers) fds.push(await listenOnce(locationOfSeat(location, fds.length)));
    // the first one has settled the address, also where the kernel chose the port
    const to = socketAddress(boundAddress(first));
    while (location.reuse && fds.length < workers) fds.push(listenSocket(to, socketOptions(location)));
    return fds;
  } catch (error) {
    ours(location, fds, undefined).close(false);
    throw error;
  }
}

function socketAddress(bound: AddressInfo | string): SocketAddress {
  if (typeof bound === 'string') return { path: bound };
  return { address: bound.address, port: bound.port, family: bound.family === 'IPv6' ? 6 : 4 };
}

function socketOptions({ backlog, ipv6Only, reuse = false, numbered = false }: Location): SocketOptions {
  return { backlog, ipv6Only, reusePort: reuse && !numbered };
}

async function listenOnce(location: Location): Promise<number> {
  const { path, host, port = 0, mode } = location;
  const options = socketOptions(location);
  if (path !== undefined) return isFile(path) ? listenUnix(path, mode, options) : listenSocket({ path }, options);
  if (host !== undefined) {
    const { address, family } = await lookup(host);
    return listenSocket({ address, port, family: family === 6 ? 6 : 4 }, options);
  }
  try {
    return listenSocket({ address: '::', port, family: 6 }, options);
  } catch (error) {
    // no IPv6 on this machine, as net.Server does
    if (!['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return listenSocket({ address: '0.0.0.0', port, family: 4 }, options);
  }
}

/** An abstract name is no file. unix(7) */
function isFile(path: string | undefined): path is string {
  return path !== undefined && !path.startsWith('\0');
}

const inodeOf = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.ino;

function inherit(fd: number): number {
  if (!isListening(fd)) throw new RangeError(`Expected descriptor \`${fd}\` to be a listening socket, it is not`);
  // systemd passes blocking sockets. A worker would wait in accept if another worker was faster.
  setNonBlocking(fd);
  return duplicate(fd);
}
