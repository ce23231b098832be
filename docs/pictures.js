// Makes the pictures of the README: `node docs/pictures.js`, after a build. It serves an app with four workers, has clients ask
// it, and draws what `prefork status --watch` and the page of `statusHandler` show. Needs Chromium and script(1): on Debian the packages
// chromium, bsdutils and fonts-dejavu-core. CHROMIUM names another browser of its kind.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { prefork, statusHandler } from '../packages/core/dist/bundle/index.js';
import { openPage } from '../test/helpers/chromium.js';

const SECONDS = 30;
const COLUMNS = 80;
const ROWS = 16;
const CLI = fileURLToPath(new URL('../packages/core/dist/bundle/cli.js', import.meta.url));
const COLOURS = { 32: '#7ec97e', 33: '#e0b458', 36: '#62b6cb' };

/** In the manager and its workers. */
function serve(pidFile) {
  const server = prefork(
    (request, response) => {
      if (request.url === '/status') return showStatus(request, response);
      // work, for the event loop and beside it
      for (const end = performance.now() + 0.3; performance.now() < end; );
      setTimeout(() => response.end('Hello'), Math.random() * 8);
    },
    { workers: 4, pidFile },
  );
  const showStatus = statusHandler(server);
  server.listen(0, '127.0.0.1');
}

async function makePictures() {
  const dir = mkdtempSync(join(tmpdir(), 'prefork-pictures-'));
  const pidFile = join(dir, 'prefork.pid');
  const server = spawn(process.execPath, [fileURLToPath(import.meta.url), 'serve', pidFile], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    const port = await portOf(server);
    const clients = new Clients(port);
    const [frame] = await Promise.all([watch(pidFile), clients.run(SECONDS), drawStatus(port)]);
    const page = join(dir, 'terminal.html');
    writeFileSync(page, terminal(frame));
    await draw(page, 'status-watch.png', { width: 800, height: 316 });
  } finally {
    server.kill('SIGTERM');
    await once(server, 'exit');
    rmSync(dir, { recursive: true });
  }
}

async function portOf(server) {
  let text = '';
  for await (const chunk of server.stderr) {
    text += chunk;
    const [, port] = /Listening at "http:\/\/127\.0\.0\.1:(\d+)"/.exec(text) ?? [];
    if (port && text.match(/Worker \d+ started/g)?.length === 4) return Number(port);
  }
  throw new Error(`The server has not started: ${text}`);
}

/** Clients that ask more, and less, and more. */
class Clients {
  #port;
  #agent = new http.Agent({ keepAlive: true });

  constructor(port) {
    this.#port = port;
  }

  async run(seconds) {
    const end = performance.now() + seconds * 1000;
    const client = async (number) => {
      // one after another, as clients come
      await sleep(number * 50);
      while (performance.now() < end) {
        await this.#ask();
        const wave = 1.2 + Math.sin(performance.now() / 2500 + number / 40);
        await sleep(20 * wave);
      }
    };
    await Promise.all(Array.from({ length: 24 }, (_, number) => client(number)));
  }

  #ask() {
    return new Promise((resolve, reject) => {
      const request = http.get({ host: '127.0.0.1', port: this.#port, agent: this.#agent }, (response) =>
        response.resume().on('end', resolve),
      );
      request.on('error', reject);
    });
  }
}

/** The last picture that the command has drawn on a terminal of its own. */
async function watch(pidFile) {
  const command = `stty cols ${COLUMNS} rows ${ROWS}; exec ${process.execPath} ${CLI} status --watch -P ${pidFile}`;
  const env = { ...process.env, TERM: 'xterm-256color', FORCE_COLOR: '1', SHELL: '/bin/sh' };
  const child = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'], env });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  await sleep((SECONDS - 3) * 1000);
  child.stdin.write('\x03');
  await once(child, 'close');
  const [frame] = output.split('\x1b[H').at(-1).split('\x1b[J');
  return frame.replaceAll('\x1b[K', '').replaceAll('\r', '').trimEnd();
}

/** The status page, after it has looked for so long that its plots have something to show. */
async function drawStatus(port) {
  const cleanups = [];
  try {
    const look = { width: 1120, scheme: 'light' };
    const page = await openPage(
      { after: (cleanup) => cleanups.push(cleanup) },
      `http://127.0.0.1:${port}/status`,
      look,
    );
    await sleep((SECONDS - 6) * 1000);
    const { data } = await page.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
    writeFileSync(pictureOf('status-page.png'), Buffer.from(data, 'base64'));
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

const pictureOf = (name) => fileURLToPath(new URL(`./pictures/${name}`, import.meta.url));

/** A page with a terminal in it. */
function terminal(frame) {
  const escaped = frame.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
  const text = escaped.replace(/\p{Cc}\[(\d+)m/gu, (_, code) =>
    code === '0' ? '</span>' : `<span style="color: ${COLOURS[code]}">`,
  );
  return `<!doctype html><meta charset="utf-8"><style>
    body { margin: 0; background: #1b1f24 }
    pre { margin: 0; padding: 44px 20px 20px; color: #d5d9de; font: 15px/20px 'DejaVu Sans Mono', monospace }
    i { position: absolute; top: 16px; width: 12px; height: 12px; border-radius: 6px; background: #4a5058 }
    </style><i style="left: 20px"></i><i style="left: 40px"></i><i style="left: 60px"></i
    ><pre><span style="color: #8b939c">$ npx prefork status --watch</span>\n\n${text}</pre>`;
}

async function draw(address, name, { width, height }) {
  const file = pictureOf(name);
  const look = [`--window-size=${width},${height}`, '--force-device-scale-factor=2', '--hide-scrollbars'];
  const args = ['--headless', '--no-sandbox', '--disable-gpu', ...look];
  await promisify(execFile)(process.env.CHROMIUM ?? 'chromium', [...args, `--screenshot=${file}`, address]);
}

const [, , role, path] = process.argv;
if (role === 'serve') serve(path);
else await makePictures();
