// Benchmark. Pure: numbers in, numbers out.

/** The value below which so many percent lie. */
export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))];
}

export function median(values) {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Largest less smallest number of connections that a worker got; one that got none counts. */
export function spread(pids, workers) {
  const counts = new Map();
  for (const pid of pids) counts.set(pid, (counts.get(pid) ?? 0) + 1);
  const values = [...counts.values()];
  while (values.length < workers) values.push(0);
  return Math.max(...values) - Math.min(...values);
}

/** Round by round: ours divided by theirs. Rounds in which one of both is missing, or theirs is 0, say nothing. */
export const ratios = (ours, theirs) => perRound(ours, theirs, (a, b) => a / b);

/** Round by round: ours less theirs. */
export const differences = (ours, theirs) => perRound(ours, theirs, (a, b) => a - b);

function perRound(ours = [], theirs = [], combine) {
  return ours
    .flatMap((value, round) => (value === null || theirs[round] == null ? [] : [combine(value, theirs[round])]))
    .filter(Number.isFinite);
}
