// Time that a test moves: timers, immediates and `performance.now()` of this process, until the test ends.

export function fakeTime(t, start = 1_000_000) {
  let now = start;
  let order = 0;
  const due = new Map();
  const own = (at, run, interval) => {
    order += 1;
    const handle = { order, at, run, interval, unref: () => handle, ref: () => handle, hasRef: () => true };
    due.set(handle, handle);
    return handle;
  };
  const drop = (handle) => void due.delete(handle);
  const fakes = {
    setTimeout: (run, delay = 0, ...args) => own(now + delay, () => run(...args)),
    setInterval: (run, delay = 0, ...args) => own(now + delay, () => run(...args), delay),
    setImmediate: (run, ...args) => own(now, () => run(...args)),
    clearTimeout: drop,
    clearInterval: drop,
    clearImmediate: drop,
  };
  for (const [name, fake] of Object.entries(fakes)) t.mock.method(globalThis, name, fake);
  t.mock.method(performance, 'now', () => now);

  const next = (until) =>
    [...due.values()].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at || a.order - b.order)[0];
  return {
    get now() {
      return now;
    },
    /** How many timers are left. */
    get left() {
      return due.size;
    },
    /** Milliseconds go by, and what is due runs in order. */
    pass(milliseconds = 0) {
      const until = now + milliseconds;
      for (let timer = next(until); timer; timer = next(until)) {
        due.delete(timer);
        now = Math.max(now, timer.at);
        if (timer.interval !== undefined) {
          timer.at = now + timer.interval;
          due.set(timer, timer);
        }
        timer.run();
      }
      now = until;
    },
    /** The process is suspended: nothing runs, and the clock goes on. */
    suspend(milliseconds) {
      now += milliseconds;
    },
  };
}
