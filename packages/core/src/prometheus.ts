// Both processes. A status as families of metrics, and these as Prometheus text 0.0.4 or OpenMetrics 1.0. Pure. The names follow
// the conventions of Prometheus; no label takes more values than there are workers or locations.

import type { Status, WorkerStatus } from './pool-status.js';
import { STATES } from './stats-layout.js';

type Labels = Record<string, string | number>;

/** A value; `suffix` is what follows the name of its family. */
type Sample = readonly [suffix: string, labels: Labels, value: number];

/** A metric by the name that its samples have in Prometheus text. */
export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Versions {
  readonly version: string;
  readonly node: string;
}

const gauge = (name: string, help: string, samples: Sample[]): Family => ({ name, type: 'gauge', help, samples });
const counter = (name: string, help: string, samples: Sample[]): Family => ({ name, type: 'counter', help, samples });

/** All metrics of a pool. */
export function familiesOf(status: Status, versions: Versions): Family[] {
  return [...poolFamilies(status, versions), ...totalFamilies(status), ...workerFamilies(status.pool)];
}

/** The text of a scrape. */
export function writeMetrics(status: Status, versions: Versions, isOpenMetrics: boolean): string {
  const families = familiesOf(status, versions);
  if (!isOpenMetrics) return families.map((family) => writeFamily(family, family.name, family.type)).join('');
  const names = new Set(families.map(({ name }) => name));
  const text = families.map((family) => {
    // OpenMetrics names a counter without the suffix of its samples
    const short = family.name.replace(/_total$/, '');
    if (family.type === 'counter' && !names.has(short)) return writeFamily(family, short, 'counter');
    return writeFamily(family, family.name, family.type === 'counter' ? 'unknown' : family.type);
  });
  return `${text.join('')}# EOF\n`;
}

function writeFamily({ name, help, samples }: Family, family: string, type: string): string {
  const lines = samples.map(([suffix, labels, value]) => `${name}${suffix}${writeLabels(labels)} ${value}\n`);
  return `# HELP ${family} ${help}\n# TYPE ${family} ${type}\n${lines.join('')}`;
}

function writeLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(String(value))}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function poolFamilies({ pool, locations }: Status, { version, node }: Versions): Family[] {
  const sum = (name: 'connections' | 'requests') => pool.reduce((all, worker) => all + worker[name], 0);
  const inState = (state: string) => pool.filter((worker) => worker.state === state).length;
  const queues = new Map<string, number>();
  for (const { url, waiting } of locations) queues.set(url, (queues.get(url) ?? 0) + waiting);
  return [
    gauge('prefork_info', 'Versions of Prefork and Node.', [['', { version, node }, 1]]),
    gauge(
      'prefork_workers',
      'Workers by state.',
      STATES.map((state) => ['', { state }, inState(state)]),
    ),
    gauge('prefork_connections', 'Connections that are open.', [['', {}, sum('connections')]]),
    gauge('prefork_requests_in_flight', 'Requests that have begun and are not answered.', [['', {}, sum('requests')]]),
    gauge(
      'prefork_accept_queue',
      'Connections that wait for a worker.',
      [...queues].map(([location, waiting]) => ['', { location }, waiting]),
    ),
  ];
}

function totalFamilies(status: Status): Family[] {
  const { connections, responses, unanswered, exits, reloads, upgrades } = status.totals;
  const by = (label: string, counts: object): Sample[] =>
    Object.entries(counts).map(([name, count]) => ['', { [label]: name }, Number(count)]);
  const help = 'Time from the first byte of a request to the end of its response.';
  return [
    counter('prefork_connections_total', 'Connections that were accepted.', [['', {}, connections]]),
    counter('prefork_requests_total', 'Requests that were answered, by class of the status.', by('code', responses)),
    counter('prefork_requests_unanswered_total', 'Requests whose worker died first.', [['', {}, unanswered]]),
    { name: 'prefork_request_duration_seconds', type: 'histogram', help, samples: histogram(status) },
    counter('prefork_worker_exits_total', 'Workers that have ended, by reason.', by('reason', exits)),
    counter('prefork_reloads_total', 'Reloads that are over, by result.', by('result', reloads)),
    counter('prefork_upgrades_total', 'Hot upgrades that are over, by result.', by('result', upgrades)),
  ];
}

function histogram({ durations: { histogram, count, sum } }: Status): Sample[] {
  let below = 0;
  const buckets = histogram.map((entry): Sample => {
    below += entry.count;
    return ['_bucket', { le: entry.upTo / 1000 }, below];
  });
  // the buckets are read one after the other: what ended meanwhile is in the later ones only
  const all = Math.max(below, count);
  return [...buckets, ['_bucket', { le: '+Inf' }, all], ['_sum', {}, sum / 1000], ['_count', {}, all]];
}

/** A worker that leaves has its seat together with its replacement: each seat is there once, with the younger of both. */
function workerFamilies(pool: readonly WorkerStatus[]): Family[] {
  const seats = new Map<number, WorkerStatus>();
  for (const worker of [...pool].sort((a, b) => b.age - a.age)) seats.set(worker.id, worker);
  const each = (value: (worker: WorkerStatus) => number): Sample[] =>
    [...seats].sort(([a], [b]) => a - b).map(([seat, worker]) => ['', { seat }, value(worker)]);
  const name = (what: string) => `prefork_worker_${what}`;
  const delay = 'Time that 99 of 100 turns of the event loop do not exceed.';
  return [
    gauge(
      name('event_loop_utilization'),
      'Share of time that the event loop is busy, 0 to 1.',
      each(({ utilization }) => utilization),
    ),
    gauge(
      name('event_loop_delay_seconds'),
      delay,
      each((worker) => worker.delay / 1000),
    ),
    gauge(
      name('resident_memory_bytes'),
      'Resident memory.',
      each(({ resident }) => resident),
    ),
  ];
}
