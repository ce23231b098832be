// The status page in a real Chromium: wide and narrow, light and dark, under load and with nothing to do.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPage } from './helpers/chromium.js';
import { cleanAfter } from './helpers/cleanup.js';
import { get } from './helpers/client.js';
import { signal, startServer } from './helpers/server.js';
import { missing } from './helpers/tools.js';
import { eventually } from './helpers/wait.js';

const skip = missing('chromium');
const LOOKS = [1280, 390].flatMap((width) => ['light', 'dark'].map((scheme) => ({ width, scheme })));
const NUMBER = (text) => Number(/[\d.,]+/.exec(text ?? '')?.[0].replaceAll(',', ''));

async function serve(t) {
  const server = startServer(t, 'status-handler.js', { options: { workers: 2, listen: ['http://127.0.0.1:0'] } });
  await server.healthy(2);
  return { server, port: await server.port() };
}

/** About 50 requests a second until the test ends. @returns how many there were in how many seconds */
function load(t, port) {
  let isOver = false;
  let asked = 0;
  const begin = performance.now();
  const client = (async () => {
    while (!isOver) {
      await get(port, '/');
      asked += 1;
      await sleep(15);
    }
  })();
  cleanAfter(t, async () => {
    isOver = true;
    await client;
  });
  return () => asked / ((performance.now() - begin) / 1000);
}

async function check(page, { width, scheme }) {
  assert.deepEqual(page.troubles, []);
  const { scroll, client, back } = await page.evaluate(
    '({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth, back: getComputedStyle(document.body).backgroundColor })',
  );
  assert.ok(scroll <= client && client === width, `${scroll} of ${client} px`);
  assert.equal(back, scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 24, 28)');
}

async function picture(page, name) {
  const folder = process.env.PREFORK_PICTURES;
  if (!folder) return;
  const { data } = await page.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
  writeFileSync(`${folder}/${name}.png`, Buffer.from(data, 'base64'));
}

for (const look of LOOKS) {
  const name = `${look.width} px, ${look.scheme}`;
  test(`the page with ${name} shows the rate of the clients, of the pool and of each worker, also after a reload`, {
    skip,
  }, async (t) => {
    const { server, port } = await serve(t);
    const rateOfClient = load(t, port);
    const page = await openPage(t, `http://127.0.0.1:${port}/status`, look);
    const rate = () => page.evaluate('document.querySelector("[data-rate=requests]").textContent');
    const isRight = async () => {
      const [shown, real] = [NUMBER(await rate()), rateOfClient()];
      return shown > real * 0.5 && shown < real * 1.5 + 5;
    };
    await eventually(isRight, () => `the rate is not that of the client, ${rateOfClient()}`, 20_000);
    const workers = () =>
      page.evaluate('[...document.querySelectorAll("[data-worker]")].map((cell) => cell.textContent)');
    const sum = (await workers()).reduce((all, text) => all + NUMBER(text), 0);
    assert.ok(Math.abs(sum - NUMBER(await rate())) <= 3, `${await workers()} are not ${await rate()}`);
    assert.match(await page.evaluate('document.getElementById("percentiles").textContent'), /^p50 [\d.]+ ms, p90 /);
    assert.ok(await page.evaluate('document.querySelectorAll("#times path").length === 3'));
    await picture(page, `load-${look.width}-${look.scheme}`);

    const before = await page.evaluate('document.querySelector("main").textContent.includes("Generation1")');
    signal(server.pid, 'SIGHUP');
    await server.waitForLine(/Reload finished/);
    const isNew = () => page.evaluate('document.querySelector("main").textContent.includes("Generation1")');
    await eventually(isNew, 'the page does not go on after a reload', 15_000);
    assert.equal(before, false);
    await eventually(isRight, 'the rate is wrong after a reload', 20_000);
    await check(page, look);
  });

  test(`the page with ${name} is whole before any request`, { skip }, async (t) => {
    const { port } = await serve(t);
    const page = await openPage(t, `http://127.0.0.1:${port}/status`, look);
    const isFirst = await page.evaluate('document.body.textContent.includes("No request was answered yet.")');
    assert.ok(isFirst);
    await picture(page, `empty-${look.width}-${look.scheme}`);
    await eventually(() => page.evaluate('/s$/.test(document.querySelector("[data-rate=requests]").textContent)'));
    await check(page, look);
  });
}
