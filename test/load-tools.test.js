// wrk and h2load, the load generators of the field: they count what goes wrong.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { tlsLocation } from './helpers/certificate.js';
import { tempDir } from './helpers/files.js';
import { serve } from './helpers/serve.js';
import { run, start } from './helpers/tools.js';
import { eventually } from './helpers/wait.js';

const WORKERS = 2;

/** Stops the server; how many requests each worker has answered. */
async function answered(server) {
  process.kill(server.pid, 'SIGQUIT');
  await server.ended;
  return server.lines.flatMap((line) => /^answered (\d+) in \d+$/.exec(line)?.[1] ?? []).map(Number);
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** No worker is left out: the spread itself has a test of its own. */
function assertShared(counts) {
  assert.equal(counts.length, WORKERS);
  for (const count of counts) assert.ok(count > sum(counts) / WORKERS / 4, `shares are ${counts}`);
}

describe('wrk', () => {
  for (const [what, headers] of [
    ['kept connections', []],
    ['a connection for each request', ['-H', 'Connection: close']],
  ]) {
    test(`meets no error with ${what}, and all workers take part`, async (t) => {
      const { server, target } = await serve(t, 'counting.js', { workers: WORKERS });
      const url = `http://127.0.0.1:${target.port}/`;
      const report = await run(t, 'wrk', ['-t1', '-c8', '-d1s', '--timeout', '30s', ...headers, url]);
      const [, requests] = /(\d+) requests in/.exec(report) ?? [];
      assert.ok(Number(requests) > 0, report);
      assert.doesNotMatch(report, /Socket errors|Non-2xx/);
      const counts = await answered(server);
      assertShared(counts);
      assert.ok(sum(counts) >= Number(requests));
    });
  }
});

/** h2load's own tally. */
function tally(report) {
  const words = /^requests: (.*)$/m.exec(report)?.[1] ?? '';
  return Object.fromEntries([...words.matchAll(/(\d+) (\w+)/g)].map(([, count, word]) => [word, Number(count)]));
}

describe('h2load', () => {
  const locations = { 'in the clear': () => undefined, 'over TLS': (t) => tlsLocation(tempDir(t)) };
  const target = (where) => `${where.tls ? 'https' : 'http'}://127.0.0.1:${where.port}/`;

  for (const [what, location] of Object.entries(locations)) {
    const pool = (t) => {
      const listen = location(t);
      return serve(t, 'counting.js', { workers: WORKERS, ...(listen ? { listen } : {}) }, { args: ['http2'] });
    };

    test(`succeeds with every stream ${what}, and all workers take part`, async (t) => {
      const { server, target: where } = await pool(t);
      const report = await run(t, 'h2load', ['-n2000', '-c8', '-m4', target(where)]);
      const { succeeded, failed, errored, timeout } = tally(report);
      assert.deepEqual({ succeeded, failed, errored, timeout }, { succeeded: 2000, failed: 0, errored: 0, timeout: 0 });
      const counts = await answered(server);
      assertShared(counts);
      assert.equal(sum(counts), 2000);
    });

    test(`gets every answer of the workers that leave in a reload ${what}, and the next run succeeds`, async (t) => {
      const { server, target: where } = await pool(t);
      const old = start(t, 'h2load', ['-n1000000', '-c4', '-m4', target(where)]);
      await eventually(
        () => /Application protocol/.test(old.stdout),
        () => `h2load does not start\n${old.output}`,
      );
      process.kill(server.pid, 'SIGHUP');
      await server.waitForLine(/^reload done/);
      const next = await run(t, 'h2load', ['-n500', '-c4', '-m4', target(where)]);
      assert.equal(tally(next).succeeded, 500, next);
      await old.closed;
      // it opens no new connection after GOAWAY, and calls failed what it has not sent. What crossed the GOAWAY on its way was
      // not looked at, and may be sent again (RFC 9113 6.8), at most 4 streams of 4 connections
      const { started, done, succeeded, timeout } = tally(old.stdout);
      assert.equal(timeout, 0, old.stdout);
      assert.ok(started - done <= 16, old.stdout);
      assert.ok(succeeded > 0);
      assert.equal(server.count(/immediately/), 0, server.output);
      assert.equal(sum(await answered(server)), succeeded + 500);
    });
  }
});
