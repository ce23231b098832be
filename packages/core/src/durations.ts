// Both processes. Request durations in log-linear buckets: each power of two from 64 us to 67 s is divided into eight, so a
// bucket is at most 12.5 % wide and its middle at most 6.3 % off. 160 buckets, and one for what is shorter. Pure.

const FIRST_POWER = 6; // 64 us
const LAST_POWER = 25; // up to 2^26 us, 67 s; what takes longer is counted in the last bucket
/** Buckets in each power of two. */
export const PARTS = 8;

/** How many buckets there are. */
export const BUCKETS = 1 + (LAST_POWER - FIRST_POWER + 1) * PARTS;

const LONGEST = 2 ** (LAST_POWER + 1) - 1;

/** The bucket of a duration in milliseconds. */
export function bucketOf(milliseconds: number): number {
  const microseconds = milliseconds < LONGEST / 1000 ? (milliseconds * 1000) | 0 : LONGEST;
  if (microseconds < 1 << FIRST_POWER) return 0;
  const power = 31 - Math.clz32(microseconds);
  return 1 + (power - FIRST_POWER) * PARTS + ((microseconds >>> (power - 3)) & (PARTS - 1));
}

/** The duration at which a bucket ends, in seconds. */
export function endOf(bucket: number): number {
  const power = FIRST_POWER + Math.floor(bucket / PARTS);
  return (2 ** power * (1 + (bucket % PARTS) / PARTS)) / 1e6;
}

/**
 * The duration that a share of all requests does not exceed, in milliseconds; `undefined` before the first request.
 *
 * @param share 0.99 for the 99th percentile
 */
export function percentile(counts: ArrayLike<number>, share: number): number | undefined {
  let total = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) total += counts[bucket] ?? 0;
  if (total === 0) return undefined;
  let rest = total * share;
  let bucket = 0;
  for (; bucket < BUCKETS - 1; bucket++) {
    rest -= counts[bucket] ?? 0;
    if (rest <= 0) break;
  }
  const end = endOf(bucket) * 1000;
  return bucket === 0 ? end / 2 : (endOf(bucket - 1) * 1000 + end) / 2;
}
