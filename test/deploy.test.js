// The deploy script of docs/deployment.md, and the command in a folder of releases.

import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HERE, runCommand, startCommand } from './helpers/command.js';
import { blocks, substitute } from './helpers/docs.js';
import { deployment } from './helpers/releases.js';
import { startServer } from './helpers/server.js';
import { upgrade } from './helpers/upgrade.js';
import { eventually } from './helpers/wait.js';

const CLI = fileURLToPath(new URL('../packages/core/dist/bundle/cli.js', import.meta.url));

const APP =
  'export default (_request, response) => response.end(JSON.stringify({ release: RELEASE, folder: process.cwd() }));';

test('the deploy script of the documentation switches, reloads and tidies', async (t) => {
  const { root, current, write, folder } = deployment(t);
  const server = startServer(t, undefined, {
    args: ['server.mjs', JSON.stringify({ workers: 1, directory: current })],
    cwd: current,
    env: { PWD: undefined },
  });
  await server.healthy(1);
  const [script] = blocks('docs/deployment.md', 'sh').filter((text) => text.includes('mv -T'));
  const edited = [
    ['/srv/app', root],
    ['/run/app/app.pid', join(server.dir, 'prefork.pid')],
    ['current/node_modules/.bin/prefork', `"${process.execPath}" "${CLI}"`],
  ].reduce((text, [from, to]) => substitute(text, from, to), script);
  for (const release of [2, 3, 4, 5]) {
    write(release);
    const deploy = startServer(t, undefined, { via: ['sh', '-c', `new=${release}\n${edited}`, 'sh'], dir: server.dir });
    assert.deepEqual(await deploy.ended, { code: 0, signal: null }, deploy.output);
    await eventually(() => server.workers().length === 1);
    const answer = JSON.parse((await server.get()).body);
    assert.deepEqual(answer, { release, folder: folder(release) });
    assert.equal(readlinkSync(`/proc/${server.pid}/cwd`), folder(release), 'the manager goes along');
  }
  assert.deepEqual(readdirSync(join(root, 'releases')).sort(), ['3', '4', '5']);
});

for (const [what, args, env] of [
  ['--directory', (current) => ['--directory', current, 'app.mjs'], () => ({})],
  ['PREFORK_DIRECTORY', () => ['app.mjs'], (current) => ({ PREFORK_DIRECTORY: current })],
  ['$PWD', () => ['app.mjs'], (current) => ({ PWD: current }), true],
]) {
  test(`the command serves the release to which ${what} leads`, async (t) => {
    const releases = deployment(t, { 'app.mjs': APP });
    const { root, current, folder } = releases;
    const cwd = what === '$PWD' ? current : root;
    const server = startCommand(t, root, [...args(current), ...HERE, '-w', '1'], {
      cwd,
      env: { PWD: root, ...env(current) },
    });
    const answer = async () => JSON.parse((await server.get()).body);
    await eventually(async () => (await answer()).release === 1);
    await server.waitForLine(/Worker \d+ started/);
    for (const [release, renew] of [
      [2, () => runCommand(t, root, ['reload', '-P', join(root, 'prefork.pid')])],
      [3, () => upgrade(server)],
    ]) {
      releases.write(release);
      releases.switchTo(release);
      await renew();
      await eventually(() => server.processes().length === 2);
      releases.remove(release - 1);
      assert.deepEqual(await answer(), { release, folder: folder(release) });
    }
  });
}

test('the command refuses a folder that is not there, and a config file that workers would not find', async (t) => {
  const { root, current } = deployment(t, { 'app.mjs': APP });
  const none = await runCommand(t, root, ['--directory', join(root, 'none'), 'app.mjs']);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /^prefork: Can't enter the folder ".*none", in which new processes start \(ENOENT\)$/);
  const relative = await runCommand(t, root, ['--directory', 'current', 'app.mjs']);
  assert.equal(relative.code, 2);
  assert.match(relative.stderr, /^prefork: Expected --directory to be an absolute path, got `'current'`$/);

  const config = `export default { directory: '${current}', app: './app.mjs' };`;
  const elsewhere = deployment(t, { 'prefork.config.mjs': config });
  const lost = await runCommand(t, elsewhere.root, ['app.mjs'], { cwd: elsewhere.current });
  assert.equal(lost.code, 2);
  assert.match(
    lost.stderr,
    /prefork\.config\.mjs sets `directory`, and a worker finds no prefork\.config\.mjs there: name it with/,
  );
});
