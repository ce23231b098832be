// The status of a pool as an application serves it: which format a client gets, and what is in it whatever a worker has written.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { readyHandler, registerMetrics, statusHandler } from '../dist/index.js';

const EVIL = `</script><img src=x onerror="alert(1)">"'\n`;
const worker = (own) => ({
  pid: 11,
  id: 0,
  state: 'healthy',
  generation: 0,
  age: 5_000,
  heartbeatAge: 10,
  connections: 3,
  requests: 1,
  accepts: 7,
  served: 20,
  utilization: 0.5,
  delay: 2.5,
  resident: 50_000_000,
  heap: 9_000_000,
  durations: { count: 20, sum: 100 },
  ...own,
});
const STATUS = {
  pid: 10,
  phase: 'serving',
  uptime: 60_000,
  workers: 2,
  generation: 1,
  reloading: false,
  listen: ['http://*:8080'],
  locations: [{ url: 'http://*:8080', waiting: 4 }],
  totals: {
    connections: 70,
    requests: 45,
    responses: { '1xx': 0, '2xx': 40, '3xx': 0, '4xx': 3, '5xx': 1 },
    unanswered: 1,
    exits: { recycled: 2, 'out of memory': 1 },
    reloads: { succeeded: 1, failed: 2 },
    upgrades: { succeeded: 0, failed: 0 },
  },
  durations: {
    count: 44,
    sum: 500,
    p50: 1,
    p90: 2,
    p99: 3,
    histogram: [
      { upTo: 1, count: 30 },
      { upTo: 2, count: 10 },
    ],
  },
  pool: [
    worker(),
    worker({ pid: 12, id: 1, state: 'draining', age: 90_000 }),
    worker({ pid: 13, id: 1, utilization: 0.25 }),
  ],
};

let status = STATUS;
const source = { status: () => status };
let server;

before(async () => {
  const [handle, ready] = [statusHandler(source), readyHandler(source)];
  server = http.createServer((req, res) => (req.url === '/ready' ? ready : handle)(req, res));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
});
after(() => server.close());

function get(path = '/', { method = 'GET', ...headers } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { port: server.address().port, path, method, headers, agent: false },
      async (response) => {
        let body = '';
        for await (const text of response.setEncoding('utf8')) body += text;
        resolve({ code: response.statusCode, headers: response.headers, type: response.headers['content-type'], body });
      },
    );
    request.on('error', reject).end();
  });
}

const JSON_TYPE = 'application/json; charset=utf-8';
const HTML = 'text/html; charset=utf-8';
const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';
const SCRAPE =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

describe('the format', () => {
  for (const [title, path, accept, type] of [
    ['of a client that says nothing', '/', undefined, JSON_TYPE],
    ['of one that takes anything', '/', '*/*', JSON_TYPE],
    ['of a browser', '/', BROWSER, HTML],
    ['of Prometheus', '/', SCRAPE, OPEN_METRICS],
    ['of an old Prometheus', '/', 'text/plain;version=0.0.4;q=1,*/*;q=0.1', PROMETHEUS],
    ['of one that likes another one better', '/', 'text/html;q=0.2, application/json;q=0.9', JSON_TYPE],
    ['of one that takes any text', '/', 'text/*', HTML],
    ['of one that refuses HTML', '/', 'text/html;q=0, text/*', PROMETHEUS],
    ['of a path that ends in .json', '/status.json', BROWSER, JSON_TYPE],
    ['of a path that ends in .prom', '/status.prom', BROWSER, PROMETHEUS],
    ['of a path that ends in .html', '/status.html?x', '*/*', HTML],
    ['of a client that sends an empty header', '/', '', JSON_TYPE],
    ['of a path that ends in .openmetrics', '/a.openmetrics', '*/*', OPEN_METRICS],
    ['that the query names', '/?format=openmetrics', BROWSER, OPEN_METRICS],
    ['that the query names, against the path', '/a.json?format=html', undefined, HTML],
  ]) {
    it(`${title} is ${type.split(';')[0]}`, async () => {
      const { code, type: got } = await get(path, accept === undefined ? {} : { accept });
      assert.deepEqual([code, got], [200, type]);
    });
  }

  for (const [title, path, headers] of [
    ['a client takes none of them', '/', { accept: 'image/png' }],
    ['a client refuses all', '/', { accept: '*/*;q=0' }],
    ['the query names none', '/?format=xml', {}],
    ['the query names what an object has', '/?format=constructor', {}],
  ]) {
    it(`406 where ${title}`, async () => {
      assert.equal((await get(path, headers)).code, 406);
    });
  }
});

it('the path that counts is the one that Express was asked for', () => {
  const headers = {};
  const res = { setHeader: (name, value) => Object.assign(headers, { [name]: value }), end() {} };
  const request = { method: 'GET', url: '/', originalUrl: '/status.json', headers: { accept: BROWSER } };
  statusHandler(source)(request, res);
  assert.equal(headers['Content-Type'], JSON_TYPE);
});

it('what is no server is refused at once', () => {
  for (const make of [statusHandler, readyHandler])
    for (const value of [undefined, null, {}, () => {}])
      assert.throws(() => make(value), /^TypeError: Expected a server of Prefork, such as preforkExpress\(app\), got /);
});

describe('a request', () => {
  for (const path of ['/', '/ready']) {
    it(`with POST to ${path} gets 405 and what is allowed`, async () => {
      const { code, headers } = await get(path, { method: 'POST' });
      assert.deepEqual([code, headers.allow], [405, 'GET, HEAD']);
    });

    it(`with HEAD to ${path} gets the head only`, async () => {
      const [head, whole] = [await get(path, { method: 'HEAD' }), await get(path)];
      assert.deepEqual([head.code, head.body, head.type], [200, '', whole.type]);
      assert.equal(head.headers['content-length'], String(Buffer.byteLength(whole.body)));
    });
  }

  it('is never answered from a cache', async () => {
    const { headers } = await get();
    assert.deepEqual(
      [headers['cache-control'], headers.vary, headers['x-content-type-options']],
      ['no-store', 'Accept', 'nosniff'],
    );
  });

  it('before the server runs gets 503', async () => {
    status = undefined;
    assert.deepEqual([(await get()).code, (await get('/ready')).code], [503, 503]);
    status = STATUS;
  });
});

describe('ready', () => {
  for (const [phase, code] of [
    ['starting', 200],
    ['serving', 200],
    ['alone', 200],
    ['handedOver', 200],
    ['stopping', 503],
  ]) {
    it(`is ${code} while the pool is ${phase}`, async () => {
      status = { ...STATUS, phase };
      assert.equal((await get('/ready')).code, code);
      status = STATUS;
    });
  }
});

it('JSON is what status() returns', async () => {
  assert.deepEqual(JSON.parse((await get()).body), STATUS);
});

describe('Prometheus text', () => {
  it('has each metric by its name, once', async () => {
    const { body } = await get('/?format=prometheus');
    const types = body.match(/^# TYPE .*$/gm).map((line) => line.slice(7));
    assert.deepEqual(types, [
      'prefork_info gauge',
      'prefork_workers gauge',
      'prefork_connections gauge',
      'prefork_requests_in_flight gauge',
      'prefork_accept_queue gauge',
      'prefork_connections_total counter',
      'prefork_requests_total counter',
      'prefork_requests_unanswered_total counter',
      'prefork_request_duration_seconds histogram',
      'prefork_worker_exits_total counter',
      'prefork_reloads_total counter',
      'prefork_upgrades_total counter',
      'prefork_worker_event_loop_utilization gauge',
      'prefork_worker_event_loop_delay_seconds gauge',
      'prefork_worker_resident_memory_bytes gauge',
    ]);
    for (const line of [
      'prefork_workers{state="healthy"} 2',
      'prefork_workers{state="draining"} 1',
      'prefork_connections 9',
      'prefork_requests_in_flight 3',
      'prefork_accept_queue{location="http://*:8080"} 4',
      'prefork_connections_total 70',
      'prefork_requests_total{code="4xx"} 3',
      'prefork_requests_unanswered_total 1',
      'prefork_request_duration_seconds_bucket{le="0.001"} 30',
      'prefork_request_duration_seconds_bucket{le="0.002"} 40',
      'prefork_request_duration_seconds_bucket{le="+Inf"} 44',
      'prefork_request_duration_seconds_sum 0.5',
      'prefork_request_duration_seconds_count 44',
      'prefork_worker_exits_total{reason="out of memory"} 1',
      'prefork_reloads_total{result="failed"} 2',
      'prefork_worker_event_loop_utilization{seat="0"} 0.5',
      'prefork_worker_event_loop_delay_seconds{seat="0"} 0.0025',
      'prefork_worker_resident_memory_bytes{seat="0"} 50000000',
    ])
      assert.ok(body.split('\n').includes(line), `${line}\n${body}`);
  });

  it('shows a seat that two workers have once, with the younger one', async () => {
    const { body } = await get('/?format=prometheus');
    assert.deepEqual(body.match(/^prefork_worker_event_loop_utilization\{seat="1"\} .*$/gm), [
      'prefork_worker_event_loop_utilization{seat="1"} 0.25',
    ]);
  });

  it('escapes labels, and sums the queues of one location', async () => {
    const location = { url: `a"b\\c\nd`, waiting: 1 };
    status = { ...STATUS, locations: [location, location] };
    const { body } = await get('/?format=prometheus');
    status = STATUS;
    assert.match(body, /^prefork_accept_queue\{location="a\\"b\\\\c\\nd"\} 2$/m);
  });

  it('has no count of requests below that of a bucket', async () => {
    status = { ...STATUS, durations: { ...STATUS.durations, count: 39 } };
    const { body } = await get('/?format=prometheus');
    status = STATUS;
    assert.match(body, /_count 40$/m);
  });
});

it('OpenMetrics names counters without their suffix, ends, and has no name twice', async () => {
  const { body } = await get('/?format=openmetrics');
  assert.ok(body.endsWith('\n# EOF\n'));
  const types = body.match(/^# TYPE .*$/gm);
  assert.equal(new Set(types.map((line) => line.split(' ')[2])).size, types.length);
  assert.ok(types.includes('# TYPE prefork_requests counter'));
  assert.ok(types.includes('# TYPE prefork_connections gauge'));
  assert.ok(types.includes('# TYPE prefork_connections_total unknown'));
  assert.match(body, /^prefork_requests_total\{code="2xx"\} 40$/m);
});

describe('a registry of prom-client', () => {
  it('has the metrics that the text has', async () => {
    const registry = new Registry();
    registerMetrics(source, registry);
    const own = await registry.metrics();
    const { body } = await get('/?format=prometheus');
    const values = (text) =>
      text
        .split('\n')
        .filter((line) => line && !line.startsWith('#'))
        .sort();
    assert.deepEqual(values(own), values(body));
    assert.deepEqual(own.match(/^# TYPE .*$/gm).sort(), body.match(/^# TYPE .*$/gm).sort());
  });

  it('has the values of one look in a scrape, and those of the next one in the next', async () => {
    const registry = new Registry();
    let looks = 0;
    registerMetrics(
      {
        status() {
          looks += 1;
          return STATUS;
        },
      },
      registry,
    );
    await registry.metrics();
    assert.equal(looks, 1);
    await new Promise(setImmediate);
    await registry.metrics();
    assert.equal(looks, 2);
  });

  it('that has them already refuses them', () => {
    const registry = new Registry();
    registerMetrics(source, registry);
    assert.throws(() => registerMetrics(source, registry), /already been registered/);
  });

  it('counts nothing before the server runs', async () => {
    const registry = new Registry();
    registerMetrics({ status: () => undefined }, registry);
    assert.match(await registry.metrics(), /^prefork_connections_total 0$/m);
  });
});

describe('the page', () => {
  it('asks nobody but the server, and allows nothing else', async () => {
    const { body, headers } = await get('/?format=html');
    const policy = headers['content-security-policy'];
    const [, nonce] = /script-src 'nonce-([^']+)'/.exec(policy);
    assert.ok(policy.startsWith("default-src 'none'; "));
    assert.ok(nonce.length >= 20);
    assert.equal(body.match(/<script nonce="[^"]+">/g).length, 1);
    assert.ok(body.includes(`<script nonce="${nonce}">`) && body.includes(`<style nonce="${nonce}">`));
    assert.doesNotMatch(body, /(src|href)=|style="| on\w+="|https?:\/\/(?!\*|www\.w3\.org)/);
    const again = await get('/?format=html');
    assert.notEqual(again.headers['content-security-policy'], policy);
  });

  it('shows the pool without any script', async () => {
    const { body } = await get('/?format=html');
    for (const text of [
      '<dt>Workers</dt><dd>2 of 2</dd>',
      '<dt>Workers out of memory</dt><dd>1</dd>',
      '4 waiting',
      '50 %',
    ])
      assert.ok(body.includes(text), text);
    assert.match(body, /<html lang="en">/);
    assert.equal(body.match(/<th scope="row">/g).length, 2 + 3);
  });

  it('of a pool without workers and requests is whole', async () => {
    status = { ...STATUS, pool: [], durations: { count: 0, sum: 0, histogram: [] } };
    const { body } = await get('/?format=html');
    status = STATUS;
    assert.ok(body.includes('No worker runs.') && body.includes('No request was answered yet.'));
  });

  it('escapes what a broken worker, a path or an error says', async () => {
    status = {
      ...STATUS,
      phase: EVIL,
      reloadError: EVIL,
      locations: [{ url: EVIL, waiting: EVIL }],
      totals: { ...STATUS.totals, exits: { [EVIL]: 1 } },
      pool: [
        worker({ state: EVIL, pid: EVIL, utilization: EVIL, resident: Number.NaN, delay: Number.POSITIVE_INFINITY }),
      ],
    };
    const { body } = await get('/?format=html');
    const { body: plain } = await get('/?format=prometheus');
    status = STATUS;
    assert.equal(body.match(/<script/g).length, 1);
    assert.equal(body.includes('<img'), false);
    assert.doesNotMatch(body, /NaN|Infinity/);
    assert.doesNotMatch(plain, /^(?!#|prefork_).+$/m);
  });
});
