// How the status shows a time, and its table.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { duration } from '../dist/cli/figures.js';
import { table } from '../dist/cli/status.js';

const TIMES = {
  '0s': 999,
  '59s': 59_999,
  '1m 0s': 60_000,
  '1h 1m': 3_661_000,
  '3d 4h': 3 * 86_400_000 + 4 * 3_600_000 + 59_000,
};

for (const [text, milliseconds] of Object.entries(TIMES)) {
  it(`shows ${milliseconds} ms as ${text}`, () => assert.equal(duration(milliseconds), text));
}

it('shows workers within 100 columns, each with the reload that started it', () => {
  const worker = { state: 'draining', generation: 999, age: 23.9 * 3_600_000, heartbeatAge: 59_000, utilization: 1 };
  const counts = { connections: 99_999, requests: 9_999, served: 9_999_999_999, acceptsLeft: 99_999 };
  const sizes = { delay: 999, resident: 999 * 2 ** 20, heap: 999 * 2 ** 20 };
  const pool = [4194303, 4194304].map((pid, i) => ({ ...worker, ...counts, ...sizes, pid, id: 254 + i }));
  const outcomes = { succeeded: 1, failed: 0 };
  const totals = { connections: 1, requests: 1, responses: {}, exits: {}, reloads: outcomes, upgrades: outcomes };
  const locations = [{ url: 'http://*:8080', waiting: 0 }];
  const status = { pid: 1, phase: 'serving', workers: 2, uptime: 1, generation: 1, durations: { count: 0 } };
  const rows = table({ ...status, locations, totals, pool }, '/tmp/prefork.pid')
    .split('\n')
    .slice(-4, -1);
  assert.match(rows[0], /^# +PID +STATE +GEN +AGE +BEAT +CONN +REQ +SERVED +LEFT +BUSY +DELAY +RSS +HEAP$/);
  assert.match(rows[1], /^254 +4194303 +draining +999 +23h 54m +59s /);
  for (const row of rows) assert.ok(row.length <= 100, `${row.length}: ${row}`);
});
