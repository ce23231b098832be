// Manager. What a server owns beside its workers: listening sockets, lock file, PID file and shared memory. Opened all or
// nothing, and closed without leaving anything behind.

import type { WorkerDescriptors } from '../descriptors.js';
import type { Tickets } from '../handover.js';
import type { Location } from '../location.js';
import type { Settings } from '../options.js';
import { checkMachine, checkNode } from '../platform.js';
import { setWelcome } from '../posix/filters.js';
import type { Scoreboard } from '../scoreboard.js';
import { assign, takeActivated } from './activation.js';
import { enterFolder } from './folder.js';
import { attempt } from './guard.js';
import type { Inheritance } from './inheritance.js';
import { type BoundSocket, bindAll } from './listeners.js';
import { createLockFile, type LockFile } from './lock-file.js';
import { OnDemand } from './on-demand.js';
import { type Owner, resolveOwner } from './owner.js';
import { Pages } from './pages.js';
import { PidFileKeeper } from './pid-file-keeper.js';
import type { StatsPage } from './statistics.js';
import { PoolSecrets } from './tickets.js';

export interface Premises {
  readonly sockets: readonly BoundSocket[];
  /** For the command: the sockets that its workers ask for. */
  readonly onDemand: OnDemand | undefined;
  readonly board: Scoreboard;
  readonly pidFile: PidFileKeeper;
  /** None where no server can speak TLS. */
  readonly tickets: Tickets | undefined;
  readonly lockFile: LockFile | undefined;
  readonly stats: StatsPage;
  /** The descriptors that each worker inherits. */
  readonly descriptors: WorkerDescriptors;
  /** The user and group that the workers run as. */
  readonly owner: Owner;
  /** Reads certificates and keys again, for the workers to come. @throws PreforkError and keeps what it had. */
  renewSecrets(): void;
  /** No worker will accept any more. New clients are refused when the workers have closed their copies as well. */
  closeSockets(toOther: boolean): void;
  /**
   * Whether handshakes may begin. Without, nothing new gets into the accept queues of our own sockets, so that the last
   * worker leaves them empty: what a socket has queued when it is closed is reset.
   */
  setWelcome(isWelcome: boolean): void;
  /** `toNext` leaves the paths to the next manager of an upgrade. */
  close(toNext: boolean): void;
}

/** Everything that is open so far. */
interface Opened {
  readonly sockets: BoundSocket[];
  readonly giveBack: () => void;
  pidFile?: PidFileKeeper;
  lockFile?: LockFile;
  pages?: Pages;
  onDemand?: OnDemand;
}

/** Binds, and makes the files. If this fails, all is undone. @param changed is called when `sockets` has changed, for the command */
export async function openPremises(
  settings: Settings,
  locations: readonly Location[],
  inheritance: Inheritance | undefined,
  changed?: () => void,
): Promise<Premises> {
  enterFolder(settings.directory);
  checkMachine();
  const owner = resolveOwner(settings.user, settings.group);
  const { asked, ...opened } = await openSockets(settings, locations, inheritance, changed !== undefined);
  try {
    const own = opened.sockets.find(({ activated, location }) => !activated && location.fd === undefined);
    checkNode(own?.fds[0], settings.backlog);
    return furnish(opened, { settings, owner, inheritance, asked, changed });
  } catch (error) {
    close(opened, settings, inheritance !== undefined);
    throw error;
  }
}

interface Plan {
  readonly settings: Settings;
  readonly owner: Owner;
  readonly inheritance: Inheritance | undefined;
  /** The sockets that workers of the old manager have asked for. */
  readonly asked: BoundSocket[];
  readonly changed: (() => void) | undefined;
}

/** Opens the files and the memory, and notes each in `opened` as soon as it is there. */
function furnish(opened: Opened, { settings, owner, inheritance, asked, changed }: Plan): Premises {
  const { sockets } = opened;
  const pidFile = new PidFileKeeper(settings, inheritance);
  opened.pidFile = pidFile;
  if (settings.lockFile !== undefined) opened.lockFile = createLockFile(settings.lockFile, owner);
  // the application may make servers of TLS where no location says so
  const mayTls = changed !== undefined || settings.createServer !== undefined;
  const secrets = new PoolSecrets(sockets, mayTls, inheritance?.tickets);
  const pages = new Pages(inheritance?.stats, () => ({
    ...(opened.lockFile ? { lockFile: opened.lockFile.path } : {}),
    isOtherUser: owner.uid !== undefined && owner.uid !== process.getuid?.(),
    locations: sockets.map(({ location }) => location),
    onDemand: opened.onDemand?.sockets.map(({ location: { url } }) => url) ?? [],
    ticketSeed: secrets.tickets?.seed ?? '',
  }));
  opened.pages = pages;
  if (changed) opened.onDemand = createOnDemand(opened, { settings, owner, asked, changed }, pages);
  pages.changed();
  return {
    get sockets() {
      return [...sockets, ...(opened.onDemand?.sockets ?? [])];
    },
    onDemand: opened.onDemand,
    board: pages.board,
    owner,
    stats: pages.stats,
    lockFile: opened.lockFile,
    get descriptors() {
      return { ...pages.descriptors, sockets: sockets.map(({ fds }) => fds) };
    },
    pidFile,
    get tickets() {
      return secrets.tickets;
    },
    renewSecrets() {
      if (secrets.renew()) pages.changed();
    },
    closeSockets: (toOther) => closeSockets(opened, settings, toOther),
    setWelcome: (isWelcome) => welcome(sockets, settings, isWelcome),
    close: (toNext) => close(opened, settings, toNext),
  };
}

function createOnDemand(
  { sockets }: Opened,
  { settings: { log, silent }, owner, asked, changed }: Pick<Plan, 'settings' | 'owner' | 'asked' | 'changed'>,
  pages: Pages,
): OnDemand {
  const parts = {
    log,
    silent,
    activated: sockets.filter((socket) => socket.activated),
    isOthers: owner.uid !== undefined || owner.gid !== undefined,
    changed() {
      pages.changed();
      changed?.();
    },
  };
  return new OnDemand(parts, asked);
}

function welcome(sockets: readonly BoundSocket[], { log }: Settings, isWelcome: boolean): void {
  for (const { fds, location, activated } of sockets) {
    // another process has the same socket as well, and keeps using it
    if (activated || location.fd !== undefined || location.path !== undefined) continue;
    for (const fd of fds) attempt(log, `close ${location.url} to newcomers`, () => setWelcome(fd, isWelcome));
  }
}

function closeSockets({ sockets, onDemand }: Opened, { log }: Settings, toOther: boolean): void {
  for (const socket of sockets.splice(0)) {
    attempt(log, `tidy up ${socket.location.url}`, () => socket.close(toOther));
  }
  onDemand?.close(toOther);
}

function close(opened: Opened, settings: Settings, toNext: boolean): void {
  const { giveBack, pages, pidFile, lockFile } = opened;
  closeSockets(opened, settings, toNext);
  giveBack();
  pages?.close();
  pidFile?.release(settings.cleanup && !toNext);
  attempt(settings.log, 'remove the lock file', () => settings.cleanup && lockFile?.remove());
}

async function openSockets(
  settings: Settings,
  locations: readonly Location[],
  inheritance: Inheritance | undefined,
  isOnDemand: boolean,
) {
  const { sockets, giveBack } = inheritance ? { sockets: inheritance.activated, giveBack() {} } : takeActivated();
  const asked = isOnDemand ? (inheritance?.onDemand ?? []) : [];
  try {
    const places = [
      ...(await assign(locations, sockets, settings.backlog)),
      ...asked.map((location) => ({ location })),
    ];
    const bound = await bindAll(places, settings.workers, inheritance?.sockets ?? new Map());
    const given = bound.length - asked.length;
    return { sockets: bound.slice(0, given), asked: bound.slice(given), giveBack };
  } catch (error) {
    giveBack();
    throw error;
  }
}
