// Both processes. The monotonic clock in 32-bit milliseconds, the same in all processes of the machine.

const SAMPLES = 16;

/**
 * What has to be added to `performance.now()`, which counts from the start of this process. Time can pass between two calls,
 * milliseconds on a busy machine: the sample with the least between them counts.
 */
function offset(): number {
  let best = { width: Number.POSITIVE_INFINITY, value: 0 };
  for (let i = 0; i < SAMPLES; i++) {
    const before = hrtime();
    const own = performance.now();
    const after = hrtime();
    if (after - before < best.width) best = { width: after - before, value: (before + after) / 2 - own };
  }
  return best.value;
}

function hrtime(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

const OFFSET = offset();

/** The same clock in milliseconds that do not wrap. */
export function monotonic(): number {
  return OFFSET + performance.now();
}

/** The time now, never 0; wraps after 49 days. */
export function now(): number {
  return (OFFSET + performance.now()) >>> 0 || 1;
}

/** Milliseconds from `since` to `until`, over the wrap; never negative: clocks of two processes differ by a little. */
export function elapsed(since: number, until: number): number {
  return Math.max(0, (until - since) | 0);
}
