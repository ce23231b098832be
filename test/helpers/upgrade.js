// Hot upgrades, and a server whose code and options a test can change.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from './files.js';
import { signal, startServer } from './server.js';
import { eventually } from './wait.js';

/** A server of which a test can change the code and the options. */
export function startChanging(t, own, env = {}, via = []) {
  const app = join(tempDir(t), 'app.mjs');
  const options = { listen: 'http://127.0.0.1:0', ...own };
  const source = (text, more = {}) =>
    `export const answer = () => '${text}';\nexport const options = ${JSON.stringify({ ...options, ...more })};`;
  const write = (code) => writeFileSync(app, code);
  const change = (text, more) => write(source(text, more));
  change('old');
  return { server: startServer(t, 'changing.js', { args: [app], env, via }), options, source, write, change };
}

/** Returns the pid of the new manager once it has taken over. */
export async function upgrade(server, manager = server.pid) {
  const after = server.lines.length;
  signal(manager, 'SIGUSR2');
  const [, next] = await server.waitForLine(/Upgrade finished, manager (\d+) takes over/, { after });
  assert.equal(server.count(new RegExp(`Upgrading, the next manager is ${next}`)), 1, server.output);
  return Number(next);
}

export async function assertUpgradeFails(server, workers) {
  const after = server.lines.length;
  signal(server.pid, 'SIGUSR2');
  await server.waitForLine(/\[error\] Upgrade failed, this manager carries on/, { after });
  assert.equal((await server.get()).body, 'old');
  await assertUnchanged(server, workers);
}

/** The old pool, the old files, and nothing of another manager. */
export async function assertUnchanged(server, workers) {
  const all = [server.pid, ...workers].toSorted((a, b) => a - b);
  await eventually(
    () => server.processes().length === all.length,
    () => `processes ${server.processes()} run, not ${all}\n${server.output}`,
  );
  assert.deepEqual(server.processes(), all);
  assert.equal(readFileSync(join(server.dir, 'prefork.pid'), 'utf8'), `${server.pid}\n`);
  const files = readdirSync(server.dir).filter((name) => name.startsWith('prefork.'));
  assert.deepEqual(files.toSorted(), ['prefork.pid']);
}
