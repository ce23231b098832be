// What `prefork status --watch` draws: the figures, the rates between two looks, and lines that fit the screen.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bar, bytes, milliseconds, percent, rate, sparkline } from '../dist/cli/figures.js';
import { draw, line, ratesOf } from '../dist/cli/status-watch.js';

const worker = (own) => ({
  pid: 4194304,
  id: 0,
  state: 'healthy',
  full: false,
  age: 1_000,
  connections: 3,
  requests: 1,
  served: 100,
  utilization: 0.5,
  resident: 64 * 2 ** 20,
  ...own,
});
const status = (own) => ({
  pid: 4194303,
  phase: 'serving',
  reloading: false,
  uptime: 65_000,
  workers: 2,
  generation: 1,
  locations: [{ url: 'http://127.0.0.1:8080', waiting: 4 }],
  totals: { requests: 100, connections: 10 },
  durations: { p50: 0.5, p99: 12 },
  pool: [worker(), worker({ pid: 2, id: 1, served: 50 })],
  ...own,
});
const look = (at, own) => ({ at, status: status(own) });
const SCREEN = { columns: 80, rows: 24, hasColours: false };

const COLOUR = /\p{Cc}\[\d+m/gu;

describe('rates', () => {
  it('are what has changed, a second', () => {
    const later = look(3_000, {
      totals: { requests: 160, connections: 14 },
      pool: [worker({ served: 150 }), worker({ pid: 2, id: 1, served: 60 })],
    });
    const { requests, connections, served } = ratesOf(look(1_000), later);
    assert.deepEqual(
      [requests, connections, [...served]],
      [
        30,
        2,
        [
          [4194304, 25],
          [2, 5],
        ],
      ],
    );
  });

  it('of the first look are 0', () => {
    const { requests, connections, served } = ratesOf(undefined, look(1_000));
    assert.deepEqual([requests, connections, [...served.values()]], [0, 0, [0, 0]]);
  });

  it('of a new worker are all that it has served', () => {
    const pool = [worker({ pid: 3, served: 8 })];
    assert.equal(ratesOf(look(1_000), look(2_000, { pool })).served.get(3), 8);
  });

  it('are never negative, nor endless', () => {
    const { requests } = ratesOf(look(1_000), look(1_000, { totals: { requests: 1, connections: 0 } }));
    assert.equal(requests, 0);
  });
});

describe('a picture', () => {
  const RATES = {
    requests: 1234,
    connections: 5,
    served: new Map([
      [4194304, 75],
      [2, 25],
    ]),
  };
  const history = Array.from({ length: 300 }, (_, i) => i);

  it('fits 80 columns, and has a line for each worker by its number', () => {
    const lines = draw(status(), RATES, history, SCREEN);
    for (const text of lines) assert.ok([...text].length <= 80, `${[...text].length}: ${text}`);
    assert.match(lines[0], /^Manager 4194303 is serving: 2 of 2 workers, up 1m 5s, generation 1$/);
    assert.match(lines[2], /^Open 6, in flight 2, waiting 4, 5\.0 connections\/s, p50 0\.50ms, p99 12ms$/);
    assert.match(lines[3], /^Requests\/s 1234 [▁▂▃▄▅▆▇█]{64,}$/);
    assert.match(lines[6], /^ {2}0 4194304 healthy {6}3 {5}1 {5}75 █+░+ {2}75% █+░+ {2}50% {3}64M$/);
    assert.match(lines[7], /^ {2}1 +2 healthy .* 25% /);
  });

  it('is no higher than the screen', () => {
    const pool = Array.from({ length: 64 }, (_, id) => worker({ pid: id + 1, id }));
    const lines = draw(status({ pool }), RATES, history, { ...SCREEN, rows: 24 });
    assert.ok(lines.length <= 23, `${lines.length}`);
    assert.match(lines.at(-1), /^\.\.\. and \d+ more$/);
  });

  it('has colours where there are some, and nothing else for a terminal to obey', () => {
    const evil = '\x1b[2J\x1b]0;gotcha\x07';
    const own = {
      locations: [{ url: evil, waiting: Number.NaN }],
      uptime: Number.NaN,
      durations: { p50: Number.POSITIVE_INFINITY },
      pool: [worker({ utilization: 1e300, resident: -1, served: Number.NaN, connections: 2 ** 53 })],
    };
    const plain = draw(status(own), RATES, [], SCREEN).join('\n');
    assert.doesNotMatch(plain.replaceAll('\n', ''), /\p{Cc}/u);
    const coloured = draw(status(own), RATES, [], { ...SCREEN, hasColours: true }).join('\n');
    assert.doesNotMatch(coloured.replace(COLOUR, '').replaceAll('\n', ''), /\p{Cc}/u);
    assert.ok(coloured.includes('\x1b[32m'));
  });

  it('is no wider than the screen, whatever a broken worker says and however narrow it is', () => {
    const huge = { id: 2 ** 32 - 1, connections: 2 ** 32 - 1, requests: 2 ** 32 - 1, resident: 1e30 };
    const rates = { requests: 1e20, connections: 1e20, served: new Map([[1, 1e22]]) };
    for (const columns of [40, 80, 200]) {
      for (const hasColours of [false, true]) {
        const lines = draw(status({ pool: [worker({ pid: 1, ...huge })] }), rates, [], {
          columns,
          rows: 24,
          hasColours,
        });
        for (const text of lines) {
          const shown = text.replace(COLOUR, '');
          assert.ok([...shown].length <= columns, `${columns}: ${text}`);
          assert.equal(text.split('\x1b[3').length, text.split('\x1b[0m').length, text);
        }
      }
    }
  });

  it('elsewhere is one line', () => {
    assert.equal(
      line(new Date(0), status(), RATES),
      '1970-01-01T00:00:00.000Z serving, workers 2/2, requests/s 1234, connections/s 5.0, in flight 2, p99 12ms',
    );
  });
});

describe('a figure', () => {
  for (const [figure, value, text] of [
    [milliseconds, 0.354, '0.35ms'],
    [milliseconds, 12.4, '12ms'],
    [milliseconds, 3_200, '3.2s'],
    [milliseconds, 125_000, '2m 5s'],
    [milliseconds, undefined, '-'],
    [milliseconds, Number.NaN, '-'],
    [bytes, 512 * 1024, '512K'],
    [bytes, 64 * 2 ** 20, '64M'],
    [bytes, 1.25 * 2 ** 30, '1.3G'],
    [bytes, -5, '0K'],
    [bytes, Number.NaN, '0K'],
    [percent, 0.346, '35%'],
    [percent, 7, '100%'],
    [percent, -1, '0%'],
    [rate, 0.44, '0.4'],
    [rate, 9_999, '9999'],
    [rate, 12_345, '12.3k'],
    [rate, 2e6, '2.0M'],
    [rate, 123_456, '123k'],
    [rate, 999_999, '1.0M'],
    [rate, 123_456_789, '123M'],
    [rate, 1e300, '>999M'],
    [bytes, 1e300, '>999P'],
    [rate, Number.NaN, '0.0'],
  ]) {
    it(`${figure.name} of ${value} is ${text}`, () => assert.equal(figure(value), text));
  }

  it('a bar is as wide as it is told', () => {
    assert.deepEqual([bar(0, 4), bar(0.5, 4), bar(9, 4)], ['░░░░', '██░░', '████']);
  });

  it('a line of bars shows the last values, the highest as high as there is', () => {
    assert.equal(sparkline([9, 9, 0, 4, 8], 3), '▁▅█');
    assert.equal(sparkline([0, 0], 5), '▁▁');
    assert.equal(sparkline([], 5), '');
  });
});
