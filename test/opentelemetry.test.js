// OpenTelemetry's own SDK with the instruments of docs/metrics.md.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startServer } from './helpers/server.js';
import { eventually } from './helpers/wait.js';

test('a reader of OpenTelemetry in one worker collects the requests and connections of the whole pool', async (t) => {
  const options = { workers: 3, listen: ['http://127.0.0.1:0'] };
  const server = startServer(t, 'opentelemetry.js', { options });
  await server.healthy(3);
  for (let i = 0; i < 30; i++) await server.get();
  let asked = 30;
  const collected = await eventually(async () => {
    asked += 1;
    const { body } = await server.get('/collect');
    return body.startsWith('{') && JSON.parse(body);
  });
  const [{ value }] = collected['prefork.requests'];
  assert.equal(value, collected.told);
  // those of other workers in this very moment may follow a moment later, and its own request is not over
  assert.ok(value >= asked - 4 && value <= asked, `${value} of ${asked}`);
  const connections = collected['prefork.connections'];
  assert.deepEqual(connections.map(({ seat }) => seat).sort(), [0, 1, 2]);
  assert.ok(connections.find(({ seat }) => seat === 0).value >= 1, 'the connection of this request');
});
