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

/** In seconds. */
const ENDS = Float64Array.from({ length: BUCKETS }, (_, bucket) => {
  const power = FIRST_POWER + Math.floor(bucket / PARTS);
  return (2 ** power * (1 + (bucket % PARTS) / PARTS)) / 1e6;
});

/** The duration at which a bucket ends, in seconds. */
export function endOf(bucket: number): number {
  return ENDS[bucket] ?? Number.POSITIVE_INFINITY;
}

/** The middle of each bucket, milliseconds. */
const MIDDLES = Float64Array.from({ length: BUCKETS }, (_, bucket) => {
  const begin = bucket === 0 ? 0 : endOf(bucket - 1);
  return ((begin + endOf(bucket)) / 2) * 1000;
});

/** For each bucket, how many requests are in it and in those before it. Reused: `status()` needs one for each worker. */
const sums = new Float64Array(BUCKETS);

/**
 * The durations that these shares of all requests do not exceed, in milliseconds; none before the first request.
 *
 * @param shares 0.99 for the 99th percentile
 */
export function percentiles(counts: ArrayLike<number>, shares: readonly number[]): number[] {
  let total = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    total += counts[bucket] ?? 0;
    sums[bucket] = total;
  }
  return total === 0 ? [] : shares.map((share) => MIDDLES[firstWith(total * share)] ?? 0);
}

/** The first bucket up to which there are so many requests. */
function firstWith(many: number): number {
  let from = 0;
  let to = BUCKETS - 1;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sums[middle] ?? 0) >= many) to = middle;
    else from = middle + 1;
  }
  return from;
}
