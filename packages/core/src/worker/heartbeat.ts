// Worker. A beat every interval until exit, over a pipe of our own, and the way a worker learns that its manager has gone.

import { writeSync } from 'node:fs';
import net from 'node:net';
import { BEAT, DRAINING_BEAT, HEARTBEAT_FD } from '../handover.js';
import { armAlarm } from '../posix.js';

export interface HeartbeatOptions {
  heartbeatInterval: number;
  gracefulTimeout: number;
}

export interface Heartbeat {
  /** Sends the first beat when this loop turn has ended, and one every interval after it. */
  start(): void;
  /** Tells the manager at once that this worker drains; every later beat says so too. */
  announceDrain(): void;
  /** The process may end when nothing else keeps it. */
  release(): void;
}

/** Each beat gives the worker `patience` seconds more; `managerGone` is called once, when the other end of the pipe has been closed. */
export function createHeartbeat(options: HeartbeatOptions, patience: number, managerGone: () => void): Heartbeat {
  const pipe = new net.Socket({ fd: HEARTBEAT_FD, readable: true, writable: true });
  let message = BEAT;
  let timer: NodeJS.Timeout | undefined;
  pipe.on('error', () => {}); // 'close' follows
  pipe.once('close', () => {
    clearInterval(timer);
    // nobody is left to kill what does not finish in time
    armAlarm(Math.ceil(options.gracefulTimeout / 1000));
    managerGone();
  });
  pipe.resume();

  const beat = () => {
    if (pipe.destroyed) return; // the descriptor may be somebody else's by now
    armAlarm(patience);
    try {
      // not pipe.write(): V8 would compile what writes responses once more, for sockets of two kinds
      writeSync(HEARTBEAT_FD, message);
    } catch {
      // full, as the manager does not read, or broken: 'close' follows
    }
  };

  return {
    start() {
      // a script that throws right after listen() has failed to boot: no beat may leave before
      setImmediate(() => {
        if (pipe.destroyed) return;
        beat();
        timer = setInterval(beat, options.heartbeatInterval);
      });
    },
    announceDrain() {
      message = DRAINING_BEAT;
      if (timer) beat();
    },
    release() {
      timer?.unref();
      pipe.unref();
    },
  };
}
