// Worker. Which worker has which seat of a sticky location. A seat belongs to the worker with the same number, so no seat moves
// when another worker leaves. All workers compute it from the scoreboard, and come to the same answer.

import { type Scoreboard, SLOTS, State } from '../scoreboard.js';

/** The worker at this seat: the one with its number, if it has room; else the one with the next higher number, then from 0 on. */
function slotAt(board: Scoreboard, seat: number): number | undefined {
  const distance = (slot: number) => (board.id(slot) - seat + SLOTS) % SLOTS;
  let best: number | undefined;
  for (let slot = 0; slot < board.used; slot++) {
    if (board.state(slot) !== State.ready) continue;
    const ahead = best === undefined ? -1 : distance(slot) - distance(best);
    // if two workers have one number, the newer one
    if (ahead < 0 || (ahead === 0 && best !== undefined && board.enteredBefore(best, slot))) best = slot;
  }
  return best;
}

/** The seats of the worker in `slot`, of `count`. Each has one worker as long as any has room. */
export function stickySeatsOf(board: Scoreboard, slot: number, count: number): Set<number> {
  const seats = Array.from({ length: count }, (_, seat) => seat);
  return new Set(seats.filter((seat) => slotAt(board, seat) === slot));
}
