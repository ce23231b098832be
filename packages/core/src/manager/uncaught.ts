// Manager. What application code throws here while the pool serves: the script runs in the manager too, where a timer or a
// database client of it may fail. That must not take the pool down.

import { describeThrown, type Log } from '../log.js';

const HINT = 'the script runs in the manager too: do what serves requests only where `server.isWorker`';

/** So many places are told apart; an application that throws at more of them is not logged for each. */
const PLACES = 1000;

/**
 * Logs errors that no code catches, once for each place, unless the application has its own handler. Rejections come here as
 * well: Node makes an exception of one that nobody handles.
 *
 * @returns a function that takes the handler away again.
 */
export function surviveUncaught(log: Log): () => void {
  const places = new Set<string>();
  const handle = (error: unknown) => {
    if (process.listenerCount('uncaughtException') > 1) return;
    const place = placeOf(error);
    if (places.has(place) || places.size >= PLACES) return;
    places.add(place);
    log.error(`Uncaught in the manager, which goes on (${HINT}): ${describeThrown(error)}`);
  };
  process.on('uncaughtException', handle);
  return () => void process.off('uncaughtException', handle);
}

/** The line of code that threw, as far as the error tells. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return /\n\s*at .*/.exec(error.stack ?? '')?.[0] ?? `${error.name}: ${error.message}`;
}
