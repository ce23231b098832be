// Worker. Where it listens: a location, and the descriptors of its listening sockets that the worker has inherited.

import { readWorker } from '../descriptors.js';
import type { BoundLocation } from '../handover.js';

export interface Place {
  readonly location: BoundLocation;
  readonly fds: readonly number[];
}

/** The places that a worker has from its start. */
export function placesOf(locations: readonly BoundLocation[]): Place[] {
  const { sockets } = readWorker(locations.map(({ seats }) => seats));
  return locations.map((location, i) => ({ location, fds: sockets[i] ?? [] }));
}
