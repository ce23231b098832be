// Worker of the command, and `--check`. The fork in the road for a file that the command serves: its servers, and the app that
// it exports, go to worker/adoption.ts.

import type { Identity } from './handover.js';
import type { Settings } from './options.js';
import { Adoption, type ServedFile } from './worker/adoption.js';
import { Hooks } from './worker/hooks.js';
import { interceptListen } from './worker/listen.js';
import type { WorkerEvents } from './worker/worker.js';
import { worker } from './worker-events.js';

/** From now on the servers of this process listen in its pool. */
export function adoptServers(identity: Identity, settings: Settings, file: ServedFile): Adoption {
  const hooks = new Hooks(worker ? [worker] : [], settings.log);
  const events: WorkerEvents = {
    server() {},
    finish: (graceful) => hooks.finish(graceful),
    drained: (patience) => hooks.drained(patience),
  };
  const adoption = new Adoption(identity, settings, file, events);
  adoption.intercept();
  return adoption;
}

/** What is known of the servers of the file. */
export interface Listens {
  /** Whether one of them has called `listen`. */
  isCalled: boolean;
  /** Resolves when one does. */
  readonly first: Promise<void>;
}

/** From now on it is known whether a server of this process listens: as Node lets it, or with `pretend` nowhere. */
export function watchListen(pretend: boolean): Listens {
  let resolve = () => {};
  const first = new Promise<void>((resolved) => {
    resolve = resolved;
  });
  const listens = { isCalled: false, first };
  interceptListen(
    (_server, { path, host = '::', port = 0 }) => {
      resolve();
      if (!pretend) return undefined;
      return { address: path ?? { address: host, port, family: host.includes(':') ? 'IPv6' : 'IPv4' }, closed() {} };
    },
    () => {
      listens.isCalled = true;
    },
  );
  return listens;
}
