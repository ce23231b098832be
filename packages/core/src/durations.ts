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

/**
 * The durations that shares of all requests do not exceed, in milliseconds; nothing before the first request.
 *
 * @param shares in ascending order, 0.99 for the 99th percentile
 * @param total of the counts, where it is known
 */
export function percentiles(
  counts: Float64Array | Uint32Array,
  shares: readonly number[],
  total = sumOf(counts),
): number[] {
  if (total === 0) return [];
  let sum = 0;
  let bucket = -1;
  return shares.map((share) => {
    while (bucket < BUCKETS - 1 && (bucket < 0 || sum < total * share)) {
      bucket += 1;
      sum += counts[bucket] ?? 0;
    }
    const end = endOf(bucket) * 1000;
    return bucket === 0 ? end / 2 : (endOf(bucket - 1) * 1000 + end) / 2;
  });
}

function sumOf(counts: Float64Array | Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < BUCKETS; i++) sum += counts[i] ?? 0;
  return sum;
}

/** One of {@link percentiles}. */
export function percentile(counts: Float64Array | Uint32Array, share: number): number | undefined {
  return percentiles(counts, [share])[0];
}
