// Worker. Where it listens: a location, and the descriptors of its listening sockets that the worker has inherited.

import { type BoundLocation, listenDescriptors } from '../handover.js';

export interface Place {
  readonly location: BoundLocation;
  readonly fds: readonly number[];
}

/** The places of a worker's birth. */
export function placesOf(locations: readonly BoundLocation[]): Place[] {
  const sockets = listenDescriptors(locations);
  return locations.map((location, i) => ({ location, fds: sockets[i] ?? [] }));
}
