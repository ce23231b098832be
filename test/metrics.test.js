// The example `metrics` with the real Prometheus: its linter takes what we write, and its server counts what the clients count.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { get } from './helpers/client.js';
import { startExample } from './helpers/examples.js';
import { tempDir } from './helpers/files.js';
import { run, start } from './helpers/tools.js';
import { eventually } from './helpers/wait.js';

const EXAMPLE = new URL('../examples/metrics/', import.meta.url);

async function serve(t) {
  const server = startExample(t, 'metrics');
  return { server, port: await server.port() };
}

test("Prometheus' linter has nothing to say about the metrics of the example `metrics`", async (t) => {
  const { port } = await serve(t);
  for (let i = 0; i < 5; i++) await get(port);
  const { body } = await get(port, '/status?format=prometheus');
  assert.match(body, /^prefork_requests_total\{code="2xx"\} 5$/m);
  const file = join(tempDir(t), 'metrics');
  writeFileSync(file, body);
  assert.equal(await run(t, 'sh', ['-c', `promtool check metrics < ${file}`]), '');
});

test('Prometheus scrapes the example, and its rate() is that of the clients', async (t) => {
  const { port } = await serve(t);
  const dir = tempDir(t);
  const config = readFileSync(new URL('prometheus.yml', EXAMPLE), 'utf8');
  const file = join(dir, 'prometheus.yml');
  writeFileSync(
    file,
    config.replace('scrape_interval: 5s', 'scrape_interval: 500ms').replace('127.0.0.1:8080', `127.0.0.1:${port}`),
  );
  await run(t, 'promtool', ['check', 'config', file]);
  const own = await freePort();
  const prometheus = start(t, 'prometheus', [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${own}`,
  ]);
  await eventually(
    () => /Server is ready to receive/.test(prometheus.output),
    () => prometheus.output,
    20_000,
  );
  const query = async (text) => {
    const { body } = await get(own, `/api/v1/query?query=${encodeURIComponent(text)}`);
    return Number(JSON.parse(body).data?.result[0]?.value[1]);
  };
  await eventually(async () => (await query('up{job="app"}')) === 1, 'it does not scrape');
  const begin = performance.now();
  let asked = 0;
  // an even load for longer than what rate() looks at
  while (performance.now() - begin < 20_000) {
    await get(port, '/');
    asked += 1;
    await sleep(20);
  }
  const expected = asked / ((performance.now() - begin) / 1000);
  const measured = await query('sum(rate(prefork_requests_total{code="2xx"}[15s]))');
  // its own scrapes, two a second, are requests as well
  assert.ok(measured > expected * 0.85 && measured < expected * 1.15 + 2, `${measured} a second, not ${expected}`);
  const counted = async () => (await query('prefork_request_duration_seconds_count')) >= asked;
  await eventually(counted, 'it has not scraped all of it');
  assert.equal(await query('count(prefork_workers)'), 4);
});

test('the dashboard asks for nothing that the example does not have', async (t) => {
  const { port } = await serve(t);
  const { body } = await get(port, '/status?format=prometheus');
  const { panels } = JSON.parse(readFileSync(new URL('dashboard.json', EXAMPLE), 'utf8'));
  const names = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => expr.match(/prefork_\w+/g)));
  for (const name of names) assert.match(body, new RegExp(`^${name}[{ ]`, 'm'));
});

async function freePort() {
  const server = http.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
