// Both processes. Limits, orphans and the alarm of this process.

import { libc } from '../libc.js';
import { check } from './error.js';

/** How many descriptors this process may have, the soft limit; they are handed out lowest first. getrlimit(2) */
export function descriptorLimit(): number {
  const RLIMIT_NOFILE = 7;
  const limits = new BigUint64Array(2);
  check(libc().getrlimit(RLIMIT_NOFILE, limits), 'getrlimit');
  return Number(limits[0]);
}

/** A child that is a zombie; it stays one. waitid(2) */
export function peekZombie(): number | undefined {
  const P_ALL = 0;
  const WNOHANG_WEXITED_WNOWAIT = 1 | 4 | 0x1000000;
  const siginfo = new Int32Array(32);
  if (libc().waitid(P_ALL, 0, siginfo, WNOHANG_WEXITED_WNOWAIT) !== 0) return undefined;
  // si_pid stands behind three words and the padding of 64-bit machines
  return siginfo[process.arch.endsWith('64') ? 4 : 3] || undefined;
}

/** Takes a zombie off the process table. */
export function reapProcess(pid: number): void {
  libc().waitpid(pid, null, 1);
}

const PR_SET_DUMPABLE = 4;

/** Other processes of this user can neither trace this one nor read its memory, environment and descriptors. prctl(2) */
export function hideFromOthers(): void {
  libc().prctl(PR_SET_DUMPABLE, 0);
}

const SIGALRM = 14;
const ITIMER_REAL = 0;
const SA_RESTART = 0x1000_0000;
const SA_RESETHAND = 0x8000_0000;
const SIGACTION_BYTES = 152; // handler, 128 bytes of mask, flags, restorer: glibc and musl on 64-bit machines
const SIGACTION_FLAGS = 136;

/** How long after the first signal of {@link armDeadline} the second one follows. Milliseconds. */
const SECOND_SIGNAL = 800;

/**
 * The kernel ends this process after so many milliseconds, and up to 0.8 s, unless it is armed again; 0 disarms. It does so even
 * when the event loop is blocked, but not after a suspension of all processes that was longer: the first signal is harmless
 * and makes the second one, 0.8 s later, deadly. A process that wakes up has time to arm again in between.
 *
 * setitimer(2), and sigaction(2) with SA_RESETHAND.
 */
export function armDeadline(milliseconds: number): void {
  const { setitimer, sigaction } = libc();
  check(sigaction(SIGALRM, harmlessOnce(), null), 'sigaction');
  check(setitimer(ITIMER_REAL, timerOf(milliseconds, milliseconds === 0 ? 0 : SECOND_SIGNAL), null), 'setitimer');
}

let action: Uint8Array | undefined;

/** A `struct sigaction`: the first signal calls a function of libc that changes nothing, and the next one has its default. */
function harmlessOnce(): Uint8Array {
  if (action) return action;
  action = new Uint8Array(SIGACTION_BYTES);
  const view = new DataView(action.buffer);
  view.setBigUint64(0, BigInt(libc().dlsym(null, 'getppid')), true);
  view.setUint32(SIGACTION_FLAGS, SA_RESTART | SA_RESETHAND, true);
  return action;
}

/** A `struct itimerval`: the interval, and before it the time to the first signal. */
function timerOf(first: number, interval: number): BigInt64Array {
  return BigInt64Array.from(
    [interval, first].flatMap((time) => {
      const microseconds = BigInt(Math.round(time * 1000));
      return [microseconds / 1_000_000n, microseconds % 1_000_000n];
    }),
  );
}
