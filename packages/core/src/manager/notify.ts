// Manager. Sends the state of the server to systemd, as datagrams to the socket that NOTIFY_SOCKET names, sd_notify(3). It only
// listens to the manager's events. It never waits, and a failure changes nothing.

import { messageOf } from '../errors.js';
import { succession } from '../handover.js';
import { trace } from '../log.js';
import type { Settings } from '../options.js';
import { sendDatagram } from '../posix/sockets.js';
import { printable } from '../printable.js';
import { takeVariables } from './environment.js';
import type { ManagerEvents, Summary } from './events.js';

/** The manager's events, and systemd gets them too if it has asked. Only the first server of a script reports. */
export function notifying(
  events: ManagerEvents,
  run: number,
  settings: Settings,
  status: () => Summary | undefined,
  send = sendDatagram,
): ManagerEvents {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC, WATCHDOG_PID } = process.env;
  if (!socket) return events;
  const isWatched = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
  const giveBack = takeVariables(['NOTIFY_SOCKET', ...(isWatched ? ['WATCHDOG_USEC', 'WATCHDOG_PID'] : [])]);
  const watchdog = isWatched && /^[1-9]\d{0,11}$/.test(WATCHDOG_USEC ?? '') ? Number(WATCHDOG_USEC) / 1000 : 0;
  const notifier = new Notifier(socket, watchdog, succession?.run === run, settings, status, send);
  return {
    ...events,
    // before the application's listeners, which may throw
    listening() {
      notifier.ready();
      events.listening();
    },
    wait() {
      notifier.tell();
      events.wait();
    },
    reload(error) {
      notifier.reloaded();
      events.reload(error);
    },
    upgraded: (pid) => notifier.resign(pid),
    tookOver: () => notifier.takeOver(),
    finish(graceful) {
      notifier.stopping();
      events.finish(graceful);
    },
    finished(error) {
      notifier.close(error);
      giveBack();
      events.finished(error);
    },
  };
}

class Notifier {
  readonly #socket: string;
  readonly #watchdog: number;
  readonly #settings: Settings;
  readonly #status: () => Summary | undefined;
  readonly #sendTo: typeof sendDatagram;
  /** Whether this process is the main process for systemd: systemd accepts messages from no other. */
  #isMain: boolean;
  #isReady = false;
  #isReloading = false;
  #isStopping = false;
  #timer: NodeJS.Timeout | undefined;
  /** The last status that was sent. */
  #told = '';
  /** A change of state that did not fit into the full socket. */
  #unsent: string | undefined;
  #hasFailed = false;

  constructor(
    socket: string,
    watchdog: number,
    isNext: boolean,
    settings: Settings,
    status: () => Summary | undefined,
    send: typeof sendDatagram,
  ) {
    this.#socket = socket;
    this.#watchdog = watchdog;
    this.#settings = settings;
    this.#status = status;
    this.#sendTo = send;
    this.#isMain = !isNext;
  }

  ready(): void {
    this.#isReady = true;
    if (this.#isMain) this.#begin();
  }

  /** After each pass of the manager: sends what has changed. */
  tell(): void {
    if (this.#unsent !== undefined) this.#change(this.#unsent);
    if (!this.#isMain) return;
    if (this.#isReady && !this.#isReloading && !this.#isStopping && this.#status()?.reloading) return this.#reloading();
    const text = this.#text();
    if (text !== this.#told && this.#send(text)) this.#told = text;
  }

  /** A reload has ended. Its result is in the status. */
  reloaded(): void {
    if (!this.#isMain || this.#isStopping) return;
    // one that ended in the pass in which it began; systemd waits for both
    if (!this.#isReloading) this.#reloading();
    this.#isReloading = false;
    this.#change('READY=1');
  }

  /** In the old manager of an upgrade. Only the main process may name the next main process. After that it is not the main one. */
  resign(pid: number): void {
    this.#change(`MAINPID=${pid}`);
    this.#isMain = false;
  }

  /** In the next manager. A reload that the old one began is over as well. */
  takeOver(): void {
    this.#isMain = true;
    this.#begin();
  }

  stopping(): void {
    if (!this.#isMain) return;
    this.#isStopping = true;
    this.#change('STOPPING=1');
  }

  close(error?: Error): void {
    clearInterval(this.#timer);
    if (error && this.#isMain) this.#send(`STATUS=${printable(messageOf(error))}`);
  }

  #begin(): void {
    this.#change('READY=1');
    if (this.#watchdog === 0) return;
    this.#keepAlive();
    // twice in the time that systemd waits; after what a manager that was suspended finds in its pipes
    this.#timer = setInterval(() => setImmediate(() => this.#keepAlive()), this.#watchdog / 2);
  }

  #reloading(): void {
    this.#isReloading = true;
    this.#change(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  #keepAlive(): void {
    if (this.#isMain && this.#isHealthy()) this.#send('WATCHDOG=1');
  }

  /** Whether a worker serves, or none has to. */
  #isHealthy(): boolean {
    const { workers = 0, pool = [] } = this.#status() ?? {};
    const { heartbeatInterval, heartbeatTimeout } = this.#settings;
    const limit = heartbeatInterval + heartbeatTimeout;
    const isServed = pool.some(({ state, heartbeatAge }) => state === 'healthy' && heartbeatAge <= limit);
    return isServed || workers === 0 || this.#isStopping;
  }

  #text(): string {
    const { workers = 0, reloading = false, reloadError, pool = [] } = this.#status() ?? {};
    if (this.#isStopping) return `STATUS=Stopping, workers left: ${pool.length}`;
    const healthy = pool.filter(({ state }) => state === 'healthy').length;
    const trouble = reloadError === undefined ? '' : `, reload failed: ${printable(reloadError)}`;
    return `STATUS=${reloading ? 'Reloading, ' : ''}${healthy} of ${workers} workers${trouble}`;
  }

  /** With the status, and again after the next pass if there is no room for it now. */
  #change(state: string): void {
    const text = this.#text();
    const isSent = this.#send(`${state}\n${text}`);
    this.#unsent = isSent ? undefined : state;
    if (isSent) this.#told = text;
  }

  /** @returns whether there was room for it. A message that cannot be delivered at all is dropped. */
  #send(message: string): boolean {
    trace.manager('notify %j', message);
    try {
      this.#sendTo(this.#socket, message);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      if (!this.#hasFailed) this.#settings.log.warn(`Can't notify systemd: ${messageOf(error)}`);
      this.#hasFailed = true;
      return true;
    }
  }
}
