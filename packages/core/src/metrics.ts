// Both processes. The metrics of a pool in a registry of prom-client. It does not import prom-client and relies on its shape only.

import type { Status } from './pool-status.js';
import { type Family, familiesOf } from './prometheus.js';
import type { StatusSource } from './status-handler.js';
import { versions } from './versions.js';

/** A registry of prom-client: `register`, or one of your own. */
export interface MetricsRegistry {
  registerMetric(metric: never): unknown;
}

/** The part of a metric that a registry uses. */
interface Metric {
  name: string;
  help: string;
  type: Family['type'];
  aggregator: 'first';
  get(): Promise<object>;
  reset(): void;
}

/**
 * Adds the metrics of the whole pool to a registry of prom-client, as `collectDefaultMetrics` adds those of a process. Each worker
 * gives the same values, so any of them can be scraped.
 *
 * @throws Error of prom-client when the registry has them already
 *
 * @example
 * import { register } from 'prom-client';
 *
 * registerMetrics(server, register);
 * app.get('/metrics', async (req, res) => {
 *   res.type(register.contentType).send(await register.metrics());
 * });
 */
export function registerMetrics(server: StatusSource, register: MetricsRegistry): void {
  let families: Map<string, Family> | undefined;
  /** A scrape reads all metrics in one loop turn, so they come from one status. */
  const read = () => {
    if (families) return families;
    families = new Map(familiesOf(server.status() ?? NO_STATUS, versions()).map((family) => [family.name, family]));
    setImmediate(() => {
      families = undefined;
    });
    return families;
  };
  for (const { name, help, type } of familiesOf(NO_STATUS, versions())) {
    const metric: Metric = {
      name,
      help,
      type,
      aggregator: 'first',
      async get() {
        const samples = read().get(name)?.samples ?? [];
        const values = samples.map(([suffix, labels, value]) => ({ labels, value, metricName: name + suffix }));
        return { name, help, type, values, aggregator: 'first' };
      },
      // the counters are the pool's
      reset() {},
    };
    register.registerMetric(metric as never);
  }
}

/** Before the server runs. */
const NO_STATUS: Status = {
  pid: process.pid,
  phase: 'starting',
  uptime: 0,
  workers: 0,
  generation: 0,
  reloading: false,
  listen: [],
  locations: [],
  totals: {
    connections: 0,
    requests: 0,
    responses: { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 },
    unanswered: 0,
    exits: {
      recycled: 0,
      resized: 0,
      reloaded: 0,
      stopped: 0,
      crashed: 0,
      hung: 0,
      killed: 0,
      'out of memory': 0,
      'boot failed': 0,
      memory: 0,
      age: 0,
    },
    reloads: { succeeded: 0, failed: 0 },
    upgrades: { succeeded: 0, failed: 0 },
  },
  durations: { count: 0, sum: 0, histogram: [] },
  pool: [],
};
