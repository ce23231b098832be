// The chat page of examples/socket.io in a real Chromium, with Socket.IO's defaults, long polling first: it talks, and comes back over
// a reload.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPage } from './helpers/chromium.js';
import { startExample } from './helpers/examples.js';
import { missing } from './helpers/tools.js';
import { eventually } from './helpers/wait.js';

const state = (page) => page.evaluate('document.getElementById("state").textContent');
const said = (page) => page.evaluate('document.getElementById("said").textContent');
const connected = (page) =>
  eventually(
    async () => /^Connected, worker \d$/.test(await state(page)),
    () => `the page is not connected: ${JSON.stringify(page.troubles)}`,
  );
/** Says it until it is heard: Socket.IO loses what is said while a client changes its worker. */
async function talk(page, text) {
  const isHeard = async () => new RegExp(`: ${text}$`).test(await said(page));
  while (!(await isHeard())) {
    await page.evaluate(
      `document.getElementById("text").value = "${text}"; document.getElementById("form").requestSubmit()`,
    );
    for (let i = 0; i < 20 && !(await isHeard()); i++) await sleep(50);
  }
}

test('the chat page of Socket.IO talks in Chromium, and comes back over a reload', {
  skip: missing('chromium'),
  timeout: 60_000,
}, async (t) => {
  const server = startExample(t, 'socket.io', { WEB_CONCURRENCY: '4' });
  const page = await openPage(t, `http://127.0.0.1:${await server.port()}/`, { id: 'state' });
  await connected(page);
  await talk(page, 'before');

  await page.evaluate('window.losses = 0; socket.on("disconnect", () => { window.losses += 1; }); true');
  process.kill(server.pid, 'SIGHUP');
  await server.waitForLine(/Reload finished/);
  await eventually(
    () => page.evaluate('window.losses > 0'),
    () => 'the reload has not moved the page',
  );
  await connected(page);
  await talk(page, 'after');

  process.kill(server.pid, 'SIGQUIT');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
});
