// Manager. What a server owns beside its workers: listening sockets, lock file, PID file and shared memory. Opened all or
// nothing, and closed without leaving anything behind.

import { closeSync, fstatSync } from 'node:fs';
import { type Tickets, writeFacts } from '../handover.js';
import { libc } from '../libc.js';
import type { Location } from '../locations.js';
import type { Settings } from '../options.js';
import { setWelcome } from '../posix/filters.js';
import { anonymousFile, sealSize } from '../posix/memory.js';
import { SCOREBOARD_BYTES, SCOREBOARD_NAME, Scoreboard } from '../scoreboard.js';
import { assign, takeActivated } from './activation.js';
import { enterFolder } from './folder.js';
import { attempt } from './guard.js';
import type { Inheritance } from './inheritance.js';
import { type BoundSocket, bindAll } from './listeners.js';
import { createLockFile, type LockFile } from './lock-file.js';
import { OnDemand } from './on-demand.js';
import { type Owner, resolveOwner } from './owner.js';
import { PidFileKeeper } from './pid-file-keeper.js';
import { readSecrets } from './secrets.js';
import { openStats, type StatsPage } from './statistics.js';
import { ticketsOf } from './tickets.js';

export interface Premises {
  readonly sockets: readonly BoundSocket[];
  /** Of the command: what its workers ask for. */
  readonly onDemand: OnDemand | undefined;
  readonly board: Scoreboard;
  readonly pidFile: PidFileKeeper;
  /** None where no server can speak TLS. */
  readonly tickets: Tickets | undefined;
  readonly lockFile: LockFile | undefined;
  readonly stats: StatsPage;
  /** What each worker inherits, in the order of the hand-over. */
  readonly descriptors: readonly number[];
  /** As whom the workers run. */
  readonly owner: Owner;
  /** Reads certificates and keys again, for the workers to come. @throws PreforkError and keeps what it had. */
  renewSecrets(): void;
  /** Nobody will accept any more: who comes from now on is refused, once the workers have closed theirs as well. */
  closeSockets(toOther: boolean): void;
  /**
   * Whether handshakes may begin. Without, nothing new gets into the accept queues of our own sockets, so that the last
   * worker leaves them empty: what a socket has queued when it is closed is reset.
   */
  setWelcome(isWelcome: boolean): void;
  /** `toHeir` leaves the paths to the next manager of an upgrade. */
  close(toHeir: boolean): void;
}

/** Binds, and makes the files; what fails is undone, and thrown. @param changed is called when `sockets` are others: the command's */
export async function openPremises(
  settings: Settings,
  locations: readonly Location[],
  inheritance: Inheritance | undefined,
  changed?: () => void,
): Promise<Premises> {
  enterFolder(settings.directory);
  // loaded before a socket file is looked at: right after that Node's require() may not follow a symlink to a module
  libc();
  const owner = resolveOwner(settings.user, settings.group);
  const { sockets, asked, giveBack } = await openSockets(settings, locations, inheritance, changed !== undefined);
  let onDemand: OnDemand | undefined;
  const { log } = settings;
  let pidFile: PidFileKeeper | undefined;
  let lockFile: LockFile | undefined;
  const memory: number[] = [];
  const closeSockets = (toHeir = false) => {
    for (const socket of sockets.splice(0)) {
      attempt(log, `tidy up ${socket.location.url}`, () => socket.close(toHeir));
    }
    onDemand?.close(toHeir);
  };
  const close = (toHeir: boolean) => {
    closeSockets(toHeir);
    giveBack();
    for (const fd of memory) closeSync(fd);
    pidFile?.release(settings.cleanup && !toHeir);
    attempt(log, 'remove the lock file', () => settings.cleanup && lockFile?.remove());
  };
  try {
    pidFile = new PidFileKeeper(settings, inheritance);
    if (settings.lockFile !== undefined) lockFile = createLockFile(settings.lockFile, owner);
    const scoreboard = anonymousFile(SCOREBOARD_NAME, SCOREBOARD_BYTES);
    memory.push(scoreboard);
    sealSize(scoreboard);
    const stats = openStats(inheritance?.stats);
    const secretsOf = () => sockets.map(({ location: { secrets } }) => secrets);
    // the application may make servers of TLS where no location says so
    const mayTls = changed !== undefined || settings.createServer !== undefined || secretsOf().some(Boolean);
    let tickets = mayTls ? ticketsOf(secretsOf(), inheritance?.tickets) : undefined;
    const writeBornWith = () =>
      writeFacts({
        board: fstatSync(memory[0] ?? -1).ino,
        ...(lockFile ? { lockFile: lockFile.path } : {}),
        isOtherUser: owner.uid !== undefined && owner.uid !== process.getuid?.(),
        locations: sockets.map(({ location }) => location),
        onDemand: onDemand?.sockets.map(({ location: { url } }) => url) ?? [],
        ticketSeed: tickets?.seed ?? '',
        manager: stats.manager,
        stats: fstatSync(stats.fd).ino,
      });
    memory.push(writeBornWith(), stats.fd);
    const rewrite = () => {
      for (const page of memory.splice(1, 1, writeBornWith())) closeSync(page);
    };
    if (changed) {
      const activated = sockets.filter((socket) => socket.activated);
      const parts = {
        log,
        silent: settings.silent,
        activated,
        isOthers: owner.uid !== undefined || owner.gid !== undefined,
        changed() {
          rewrite();
          changed();
        },
      };
      onDemand = new OnDemand(parts, asked);
    }
    const board = Scoreboard.map(scoreboard);
    return {
      get sockets() {
        return [...sockets, ...(onDemand?.sockets ?? [])];
      },
      onDemand,
      board,
      owner,
      stats,
      lockFile,
      get descriptors() {
        return [...memory, ...sockets.flatMap(({ fds }) => fds)];
      },
      pidFile,
      get tickets() {
        return tickets;
      },
      renewSecrets() {
        const secrets = sockets.map(({ location: { tls } }) => tls && readSecrets(tls));
        if (!secrets.some(Boolean)) return;
        for (const [i, { location }] of sockets.entries()) if (secrets[i]) location.secrets = secrets[i];
        tickets = ticketsOf(secretsOf(), tickets);
        rewrite();
      },
      closeSockets,
      setWelcome(isWelcome) {
        for (const { fds, location, activated } of sockets) {
          // somebody else has such a socket as well, and goes on with it
          if (activated || location.fd !== undefined || location.path !== undefined) continue;
          for (const fd of fds) attempt(log, `close ${location.url} to newcomers`, () => setWelcome(fd, isWelcome));
        }
      },
      close,
    };
  } catch (error) {
    close(inheritance !== undefined);
    throw error;
  }
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
