// A real Chromium without a window, in real time, driven by its DevTools protocol.

import { once } from 'node:events';
import WebSocket from 'ws';
import { cleanAfter } from './cleanup.js';
import { tempDir } from './files.js';
import { start } from './tools.js';
import { eventually } from './wait.js';

/**
 * Opens a page. It is closed, and the browser ended, after the test.
 *
 * @param {import('node:test').TestContext} t
 * @param {{ width?: number, scheme?: 'light' | 'dark', id?: string }} look `id` of an element that is there once the page is loaded
 */
export async function openPage(t, address, { width = 1280, scheme = 'light', id = 'main' } = {}) {
  const dir = tempDir(t);
  const tool = start(t, 'chromium', [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--hide-scrollbars',
    '--disable-dev-shm-usage',
    `--user-data-dir=${dir}`,
    '--remote-debugging-port=0',
    'about:blank',
  ]);
  const port = await eventually(
    () => /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(tool.output)?.[1],
    () => `Chromium does not start\n${tool.output}`,
    30_000,
  );
  const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const socket = new WebSocket(targets.find(({ type }) => type === 'page').webSocketDebuggerUrl);
  cleanAfter(t, () => socket.close());
  await once(socket, 'open');
  const page = new Page(socket);
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.send(`${domain}.enable`);
  const size = { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 };
  await page.send('Emulation.setDeviceMetricsOverride', size);
  await page.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  await page.send('Page.navigate', { url: address });
  await eventually(() => page.evaluate(`document.readyState === "complete" && !!document.getElementById("${id}")`));
  return page;
}

class Page {
  /** Errors of the console, exceptions, and what a policy has refused. */
  troubles = [];
  #socket;
  #id = 0;
  #calls = new Map();

  constructor(socket) {
    this.#socket = socket;
    socket.on('message', (text) => this.#take(JSON.parse(text)));
  }

  send(method, params = {}) {
    const id = ++this.#id;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
  }

  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, returnByValue: true });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  }

  #take({ id, method, params, result, error }) {
    if (method === 'Runtime.exceptionThrown') this.troubles.push(JSON.stringify(params.exceptionDetails));
    if (method === 'Log.entryAdded' && params.entry.level === 'error') this.troubles.push(JSON.stringify(params.entry));
    if (method === 'Runtime.consoleAPICalled' && params.type === 'error')
      this.troubles.push(JSON.stringify(params.args));
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    if (error) call.reject(new Error(error.message));
    else call.resolve(result);
  }
}
