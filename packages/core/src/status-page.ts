// Both processes. The status as a page for people: one HTML document that asks nobody but the server for the next one. What a
// worker has written may be anything, so every value is escaped. Pure, but for the nonce.

import { randomBytes } from 'node:crypto';
import type { Status, WorkerStatus } from './pool-status.js';
import { CODE, STYLE } from './status-page-assets.js';

interface Versions {
  readonly version: string;
  readonly node: string;
}

/** A page, and the policy that it needs. */
export function writePage(status: Status, versions: Versions): { html: string; policy: string } {
  const nonce = randomBytes(16).toString('base64');
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Prefork: ${escapeHtml(status.phase)}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<header>
<h1 id="title">Prefork <span class="phase">${escapeHtml(status.phase)}</span></h1>
<p id="about">${escapeHtml(versions.version)} on Node ${escapeHtml(versions.node)}, manager ${number(status.pid)}, up ${time(status.uptime)}</p>
<p><button type="button" id="pause" aria-pressed="false" hidden>Pause</button> <span id="age" role="status"></span></p>
</header>
<main id="main" data-status="${escapeHtml(JSON.stringify(status))}">
${poolPart(status)}
${latencyPart(status)}
${workersPart(status)}
</main>
<script nonce="${nonce}">${CODE}</script>
</body>
</html>
`;
  return { html, policy };
}

function poolPart(status: Status): string {
  const { totals, durations, locations, pool } = status;
  const sum = (name: 'connections' | 'requests') => pool.reduce((all, worker) => all + worker[name], 0);
  const facts: [string, string, string?][] = [
    ['Workers', `${whole(pool.filter(({ state }) => state === 'healthy').length)} of ${whole(status.workers)}`],
    ['Requests', whole(totals.requests), 'requests'],
    ['Connections', whole(totals.connections), 'connections'],
    ['Open connections', whole(sum('connections'))],
    ['Requests in flight', whole(sum('requests'))],
    ['p50, p90, p99', [durations.p50, durations.p90, durations.p99].map((value) => time(value)).join(', ')],
    ['Generation', `${whole(status.generation)}${status.reloading ? ', reloading' : ''}`],
    ['Reloads', `${whole(totals.reloads.succeeded)}, failed ${whole(totals.reloads.failed)}`],
    ['Upgrades', `${whole(totals.upgrades.succeeded)}, failed ${whole(totals.upgrades.failed)}`],
    ...Object.entries(totals.responses).map(([name, count]): [string, string] => [`Answers ${name}`, whole(count)]),
    ['Unanswered', whole(totals.unanswered)],
    ...Object.entries(totals.exits)
      .filter(([, count]) => count > 0)
      .map(([reason, count]): [string, string] => [`Workers ${reason}`, whole(count)]),
    ...locations.map(({ url, waiting }): [string, string] => [url, `${whole(waiting)} waiting`]),
  ];
  const items = facts.map(
    ([name, value, rate]) =>
      `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}${rate ? ` <small data-rate="${rate}"></small>` : ''}</dd></div>`,
  );
  const error =
    status.reloadError === undefined ? '' : `<p class="error">Reload failed: ${escapeHtml(status.reloadError)}</p>`;
  return `<section aria-labelledby="pool"><h2 id="pool">Pool</h2>${error}<dl>${items.join('')}</dl>
<figure><figcaption>Requests a second, the last two minutes</figcaption><svg id="rates" viewBox="0 0 120 30" preserveAspectRatio="none" role="img" aria-label="Requests a second"></svg></figure></section>`;
}

/** How many requests took how long: as bars, and as a table for whoever wants the figures. */
function latencyPart({ durations: { histogram, count } }: Status): string {
  const entries = histogram.filter((entry) => entry.count > 0);
  const rows = entries.map(
    (entry) => `<tr><th scope="row">${time(entry.upTo)}</th><td>${whole(entry.count)}</td></tr>`,
  );
  const [first, last] = [entries.at(0), entries.at(-1)];
  const all =
    first && last
      ? `<figure><figcaption>All ${whole(count)} answers by duration, up to ${time(first.upTo)} on the left, ${time(last.upTo)} on the right</figcaption>${bars(entries)}</figure>
<details><summary>As a table</summary><table><thead><tr><th scope="col">Up to</th><th scope="col">Requests</th></tr></thead><tbody>${rows.join('')}</tbody></table></details>`
      : '<p>No request was answered yet.</p>';
  return `<section aria-labelledby="latency"><h2 id="latency">Latency</h2>
<figure><figcaption>The last two minutes, now: <span id="percentiles">no figures yet</span></figcaption><svg id="times" viewBox="0 0 120 30" preserveAspectRatio="none" role="img" aria-label="Latency, the last two minutes"></svg></figure>
${all}</section>`;
}

function bars(entries: Status['durations']['histogram']): string {
  const most = Math.max(1, ...entries.map(({ count }) => Number(count) || 0));
  const step = 120 / entries.length;
  const rects = entries.map(({ count }, i) => {
    const height = Math.max(0.3, (30 * (Number(count) || 0)) / most);
    return `<rect x="${(i * step).toFixed(2)}" y="${(30 - height).toFixed(2)}" width="${(step * 0.85).toFixed(2)}" height="${height.toFixed(2)}"/>`;
  });
  return `<svg viewBox="0 0 120 30" preserveAspectRatio="none" role="img" aria-label="Answers by duration, figures in the table below">${rects.join('')}</svg>`;
}

function workersPart({ pool }: Status): string {
  const head = [
    'Seat',
    'PID',
    'State',
    'Age',
    'Connections',
    'In flight',
    'Requests',
    'Per second',
    'Busy',
    'Delay p99',
    'Memory',
    'Heap',
    'Left',
  ];
  const rows = [...pool].sort((a, b) => a.id - b.id || b.age - a.age).map((worker) => row(worker));
  const body = rows.length > 0 ? rows.join('') : `<tr><td colspan="${head.length}">No worker runs.</td></tr>`;
  return `<section aria-labelledby="workers"><h2 id="workers">Workers</h2><div class="scroll" tabindex="0" role="region" aria-labelledby="workers"><table>
<thead><tr>${head.map((name) => `<th scope="col">${name}</th>`).join('')}</tr></thead><tbody>${body}</tbody></table></div></section>`;
}

function row(worker: WorkerStatus): string {
  const cells = [
    escapeHtml(worker.state),
    time(worker.age),
    whole(worker.connections),
    whole(worker.requests),
    whole(worker.served),
    `<span data-worker="${number(worker.pid)}">-</span>`,
    meter(worker.utilization, percent(worker.utilization)),
    time(worker.delay),
    size(worker.resident),
    size(worker.heap),
    worker.acceptsLeft === undefined ? 'no limit' : whole(worker.acceptsLeft),
  ];
  const cell = cells.map((text) => `<td>${text}</td>`).join('');
  return `<tr><th scope="row">${whole(worker.id)}</th><td>${number(worker.pid)}</td>${cell}</tr>`;
}

function meter(share: number, text: string): string {
  const value = Math.min(1, Math.max(0, Number(share) || 0)).toFixed(3);
  return `<meter min="0" max="1" value="${value}" aria-label="${escapeHtml(text)}" title="${escapeHtml(text)}">${escapeHtml(text)}</meter>`;
}

const percent = (share: number) => `${Math.round(Math.min(1, Math.max(0, Number(share) || 0)) * 100)} %`;
const whole = (value: number) => Math.round(Number(value) || 0).toLocaleString('en');
/** A number that is a name. */
const number = (value: number) => String(Math.round(Number(value) || 0));
const size = (bytes: number) => `${whole((Number(bytes) || 0) / 2 ** 20)} MB`;

/** A time in milliseconds. */
function time(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '-';
  if (value < 10) return `${value.toFixed(2)} ms`;
  if (value < 1_000) return `${Math.round(value)} ms`;
  if (value < 60_000) return `${(value / 1_000).toFixed(1)} s`;
  if (value < 3_600_000) return `${Math.round(value / 60_000)} min`;
  return value < 172_800_000 ? `${(value / 3_600_000).toFixed(1)} h` : `${Math.round(value / 86_400_000)} days`;
}

function escapeHtml(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return String(text).replace(/[&<>"']/g, (character) => names[character] ?? '');
}
