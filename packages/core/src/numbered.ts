// Both processes. Locations that are a socket for each worker at an address of its own: `{n}` in a UNIX path, `{9000+n}` as a port.
// Pure.

import type { Location } from './location.js';
import type { Settings } from './options.js';
import { printable } from './printable.js';

/** A port that is `{9000+n}`, which no URL can have, is that of the worker with the number 0. */
export function withoutNumber(text: string): { plain: string; isNumberedPort: boolean } {
  const plain = text.replace(/^(https?:\/\/[^/?#]*):(?:\{|%7b)(\d+)(?:\+|%2b)n(?:\}|%7d)/i, '$1:$2');
  return { plain, isNumberedPort: plain !== text };
}

export function numberOf(
  path: string | undefined,
  isNumberedPort: boolean,
  query: Partial<Location>,
  bad: (why: string) => Error,
): Pick<Location, 'numbered' | 'reuse' | 'sticky'> {
  const count = path === undefined ? Number(isNumberedPort) : path.split('{n}').length - 1;
  if (count > 1) throw bad('`{n}` can be in it once');
  if (count === 0) return {};
  if (query.reuse || query.sticky)
    throw bad('`{n}` is a socket for each worker already, leave out `reuse` and `sticky`');
  if (query.fd !== undefined) throw bad('`{n}` needs sockets of its own, leave out `fd` or `{n}`');
  return { numbered: true, reuse: true, sticky: true };
}

/** The location of one socket of a numbered one. */
export function locationOfSeat(location: Location, seat: number): Location {
  const { path, port, url } = location;
  if (path !== undefined) return { ...location, path: path.replace('{n}', String(seat)) };
  return { ...location, port: (port ?? 0) + seat, url };
}

/** @throws RangeError for numbered locations that cannot be bound, whatever else runs on this machine. */
export function checkNumbered(locations: readonly Location[], { workers, areWorkersGiven }: Settings): void {
  const numbered = locations.filter((location) => location.numbered);
  if (numbered.length === 0) return;
  const bad = ({ url }: Location, why: string) =>
    new RangeError(`Invalid listen location \`${printable(url)}\`: ${why}`);
  for (const location of numbered) {
    if (!areWorkersGiven || workers === 0)
      throw bad(location, '`{n}` needs a number of workers, which says how many sockets there are: set `workers`');
    if (location.port === undefined) continue;
    const last = location.port + workers - 1;
    if (location.port === 0 || last > 65_535)
      throw bad(
        location,
        `with ${workers} workers its ports are ${location.port} to ${last}, expected ports from 1 to 65535`,
      );
    const rival = locations.find((other) => other !== location && overlaps(location, other, workers));
    if (rival) throw bad(location, `its ports ${location.port} to ${last} overlap with ${printable(rival.url)}`);
  }
}

function overlaps(one: Location, other: Location, workers: number): boolean {
  if (one.port === undefined || other.port === undefined || other.port === 0) return false;
  const isSameHost = one.host === other.host || one.host === undefined || other.host === undefined;
  const lastOf = (location: Location) => (location.port ?? 0) + (location.numbered ? workers - 1 : 0);
  return isSameHost && one.port <= lastOf(other) && other.port <= lastOf(one);
}
