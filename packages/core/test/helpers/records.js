// Worker records, as the manager keeps them.

export const LIMITS = { heartbeatInterval: 5_000, heartbeatTimeout: 20_000, gracefulTimeout: 20_000, spare: 2 };
export const RUN = { goal: 'run', workers: 4, generation: 0, proven: true };
export const NOW = 100_000;

let pids = 0;

export function worker(state, own = {}) {
  pids += 1;
  return {
    pid: pids,
    slot: pids,
    id: 0,
    generation: 0,
    state,
    spawnedAt: 0,
    heartbeatAt: NOW,
    drainingSince: NOW,
    ...own,
  };
}

export function workers(count, state, own) {
  return Array.from({ length: count }, () => worker(state, own));
}

/** Gives those that serve or boot the ids 0, 1, ... in each generation, as the manager does. */
export function numbered(records) {
  const next = new Map();
  for (const record of records) {
    if (record.state !== 'healthy' && record.state !== 'starting') continue;
    record.id = next.get(record.generation) ?? 0;
    next.set(record.generation, record.id + 1);
  }
  return records;
}
