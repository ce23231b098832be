// A server that the command has taken into its pool does what the same server does with plain `node`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { project, startCommand } from './helpers/command.js';
import { startServer } from './helpers/server.js';

const FORMS = fileURLToPath(new URL('fixtures/listen-forms.cjs', import.meta.url));

test('each form of listen, its events, errors and address are those of Node', async (t) => {
  const [plain, pool] = [project(t, {}), project(t, {})];
  const node = startServer(t, FORMS, { args: [plain] });
  await node.waitForLine(/^done$/);
  const server = startCommand(t, pool, [FORMS, '-w', '1', '--', pool]);
  await server.waitForLine(/^done$/);
  const told = (lines, dir) => lines.map((line) => line.replaceAll(dir, 'dir'));
  assert.deepEqual(told(server.stdout, pool), told(node.stdout, plain));
});
