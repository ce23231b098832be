// The one process of `single`, on Linux: the premises of a manager, with a worker's post in them.

import { NO_NEWS, Phase } from '../bulletin.js';
import { PreforkError } from '../errors.js';
import type { Location } from '../location.js';
import { openPremises } from '../manager/premises.js';
import type { Settings } from '../options.js';
import { ALONE, beginRecord, type SinglePost } from './alone.js';

/** @throws what a manager would fail with; nothing is left behind. */
export async function openPost(settings: Settings, locations: readonly Location[]): Promise<SinglePost> {
  if (settings.user !== undefined || settings.group !== undefined) {
    throw new PreforkError('ERR_PREFORK_OWNER', 'With `single` there are no workers to run as `user` and `group`');
  }
  const premises = await openPremises({ ...settings, workers: 1 }, locations, undefined);
  const { board, sockets } = premises;
  board.bulletin.write({ ...NO_NEWS, phase: Phase.alone, workers: 1 });
  board.pidFile = premises.pidFile.inode;
  board.claim(ALONE.slot);
  board.enter(ALONE.slot, process.pid);
  const stats = premises.stats.page;
  beginRecord(stats);
  return {
    ...ALONE,
    board,
    stats,
    recorder: stats.recorder(ALONE.slot),
    locations: sockets.map(({ location }) => location),
    sockets: sockets.map(({ fds }) => fds),
    refuse: () => premises.setWelcome(false),
    close: () => premises.closeSockets(false),
    ensurePidFile: () => premises.pidFile.ensure(),
    release: () => premises.close(false),
  };
}
