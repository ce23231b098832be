// Worker. Sends a beat in every interval until exit, over its own pipe. The end of the pipe tells that the manager has exited.

import { writeSync } from 'node:fs';
import net from 'node:net';
import { PIPE_FD } from '../descriptors.js';
import { ASKING_BEAT, BEAT, DRAINING_BEAT } from '../handover.js';
import { armDeadline } from '../posix/process.js';

export interface HeartbeatOptions {
  heartbeatInterval: number;
  gracefulTimeout: number;
  /** Each beat gives the worker so many milliseconds more. */
  patience: number;
}

export interface Heartbeat {
  /** Sends the first beat when this loop turn has ended, and one every interval after it. */
  start(): void;
  /** Tells the manager at once that this worker drains; every later beat says so too. */
  announceDrain(): void;
  /** Asks the manager whether this worker may leave. @returns whether it will answer: `granted` is called. */
  ask(): boolean;
  /** The heartbeat no longer keeps the process alive. */
  release(): void;
}

export interface HeartbeatEvents {
  /** At each beat. */
  beating(): void;
  /** The manager knows that this worker leaves. */
  granted(): void;
  /** Once: the other end of the pipe has been closed. */
  managerGone(): void;
}

/** What a heartbeat uses of the system. A test gives a fake one. */
interface HeartbeatSystem {
  /** The socket of the pipe, which is closed with the manager. */
  openPipe(): net.Socket;
  /** @throws when the pipe is full or broken. */
  send(sign: string): void;
  armDeadline(milliseconds: number): void;
}

const SYSTEM: HeartbeatSystem = {
  openPipe: () => new net.Socket({ fd: PIPE_FD, readable: true, writable: true }),
  // Not pipe.write(): V8 would compile the code that writes responses again, for two kinds of sockets.
  send: (sign) => void writeSync(PIPE_FD, sign),
  armDeadline,
};

export function createHeartbeat(options: HeartbeatOptions, events: HeartbeatEvents, system = SYSTEM): Heartbeat {
  const pipe = system.openPipe();
  let message = BEAT;
  let timer: NodeJS.Timeout | undefined;
  pipe.on('error', () => {}); // 'close' follows
  pipe.once('close', () => {
    clearInterval(timer);
    // no manager is left to kill a worker that does not finish in time
    system.armDeadline(options.gracefulTimeout);
    events.managerGone();
  });
  pipe.on('data', () => events.granted());

  const beat = (sign = message) => {
    if (pipe.destroyed) return; // the descriptor may belong to another file by now
    system.armDeadline(options.patience);
    events.beating();
    try {
      system.send(sign);
    } catch {
      // The pipe is full, because the manager does not read, or it is broken. Then 'close' follows.
    }
  };

  return {
    start() {
      // A script that throws right after listen() has failed to boot. So no beat may be sent before this.
      setImmediate(() => {
        if (pipe.destroyed) return;
        beat();
        timer = setInterval(() => beat(), options.heartbeatInterval);
      });
    },
    announceDrain() {
      message = DRAINING_BEAT;
      if (timer) beat();
    },
    ask() {
      if (!timer || pipe.destroyed) return false;
      beat(ASKING_BEAT);
      return true;
    },
    release() {
      timer?.unref();
      pipe.unref();
    },
  };
}
