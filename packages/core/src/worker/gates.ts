// Worker. The gates of all entrances: which sockets share one gate, and which have one each. The turnstile opens and closes them.

import { createGate, createSupply, type Entrance, type Gate, type GateEvents } from './gate.js';
import type { Post } from './post.js';
import type { Turnstile } from './turnstile.js';

/** One gate for the sockets that all share; for a location with `reuse`, one for each of its sockets. */
export function createGates(post: Post, entrances: readonly (readonly Entrance[])[], turnstile: Turnstile) {
  const events: GateEvents = {
    arrived: (entrance, socket) => turnstile.arrived(entrance, socket),
    exhausted: (error) => turnstile.exhausted(error),
  };
  if (post.createGate) return { gate: post.createGate(entrances.flat(), events), seats: [], sticky: [] };
  const supply = createSupply(entrances[0]?.[0]?.fd ?? -1);
  const createSeat = (own: Entrance) => {
    const arrived: GateEvents['arrived'] = (entrance, socket) => turnstile.seated(entrance, socket, seat);
    const seat: Gate = createGate([own], supply, { ...events, arrived });
    return seat;
  };
  const shared = entrances.filter((own) => !own[0]?.isReused).flat();
  const reused = entrances.filter((own) => own[0]?.isReused);
  const sticky = reused.map(([first]) => first?.isSticky === true);
  return { gate: createGate(shared, supply, events), seats: reused.map((own) => own.map(createSeat)), sticky };
}
