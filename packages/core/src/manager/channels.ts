// Manager. Publishes the pool's events on Node's diagnostics channels, as plain objects. It decides nothing, and costs nothing
// when nobody has subscribed.

import { channel } from 'node:diagnostics_channel';
import type { WorkerRecord } from './policy.js';

const CHANNELS = {
  spawn: channel('prefork:worker:spawn'),
  healthy: channel('prefork:worker:healthy'),
  reap: channel('prefork:worker:reap'),
  drain: channel('prefork:drain'),
  hang: channel('prefork:hang'),
  reload: channel('prefork:reload'),
};

/** Publishes what happened to a worker, with `facts` that are made for subscribers only. */
export function publishWorker(
  name: 'spawn' | 'healthy' | 'reap' | 'drain' | 'hang',
  { pid, id, generation }: WorkerRecord,
  facts: () => object = () => ({}),
): void {
  if (CHANNELS[name].hasSubscribers) CHANNELS[name].publish({ pid, id, generation, ...facts() });
}

/** Publishes the end of a reload: `error` is there when it has failed. */
export function publishReload(generation: number, error: Error | undefined): void {
  if (CHANNELS.reload.hasSubscribers) CHANNELS.reload.publish({ generation, ...(error ? { error } : {}) });
}
